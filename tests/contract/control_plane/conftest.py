from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.moto_api._internal import moto_api_backend

from tests.contract.control_plane.world import World


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    """One client on moto for a module: making one takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            yield boto3.client("dynamodb")


@pytest.fixture
def world(dynamodb: Any) -> Iterator[World]:
    """A control plane on an empty moto."""
    moto_api_backend.reset()
    found = World(dynamodb)
    yield found
    found.close()
