"""A local cloud of its own for a measurement, without the platform, and functions from a few lines of code."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.engine_parts.function import code_zip
from infra.local import lifecycle
from infra.local.clients import clients_of
from infra.local.state import CloudInfo, StateDir
from services_ai_sdk.emulator.home import default_home

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

Clients = Callable[..., Any]
"""Makes a boto3 client of a service."""


@contextmanager
def own_cloud() -> Iterator[tuple[CloudInfo, Clients]]:
    """Started and ended; Pythons and layouts are those of this user's own local cloud."""
    with tempfile.TemporaryDirectory(prefix="services-ai-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "store").symlink_to(StateDir(default_home()).store)
        started = lifecycle.start(lifecycle.CloudOptions(port=0, state_dir=folder, platform=False), lambda _: None)
        try:
            yield started.info, clients_of(started.info)
        finally:
            started.stop()


def deploy(client: Clients, name: str, code: str, handler: str = "main.handle", **settings: Any) -> None:
    """A function under a role of its own that may do nothing."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    client("lambda").create_function(
        FunctionName=name, Runtime=f"python{PYTHON}", Role=role, Handler=handler,
        Code={"ZipFile": code_zip(code)}, **settings,
    )  # fmt: skip
