"""Functions of our own in the local cloud."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def archive(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("main.py", text)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def role(cloud: Any) -> str:
    iam = cloud.client("iam")
    made = iam.create_role(RoleName="functional", AssumeRolePolicyDocument=json.dumps(TRUST))
    # What a role may not do is asked in test_iam.py.
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="functional", PolicyName="all", PolicyDocument=json.dumps(everything))
    return str(made["Role"]["Arn"])


@pytest.fixture
def deploy(cloud: Any, role: str) -> Iterator[Callable[..., str]]:
    """Makes a function from source text; returns its name."""
    import sys

    made: list[str] = []

    def make(text: str, **settings: Any) -> str:
        name = f"t-{uuid.uuid4().hex[:12]}"
        cloud.client("lambda").create_function(
            FunctionName=name, Runtime=f"python3.{sys.version_info.minor}", Role=role, Handler="main.handle",
            Code={"ZipFile": archive(text)}, **{"Timeout": 10, "MemorySize": 256, **settings},
        )  # fmt: skip
        made.append(name)
        return name

    yield make
    for name in made:
        cloud.client("lambda").delete_function(FunctionName=name)


@pytest.fixture
def invoke(cloud: Any) -> Callable[..., Any]:
    def call(name: str, event: Any = None, **more: Any) -> Any:
        answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
        return answer, json.loads(answer["Payload"].read() or b"null")

    return call


def eventually(look: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    """What `look` gives once it gives something."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing after {timeout_s} s")
