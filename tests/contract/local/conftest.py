"""One moto process for all tests that leave nothing behind that others would trip over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.local.moto_process import Moto, running_moto


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    with running_moto(tmp_path_factory.mktemp("moto")) as running:
        yield running
