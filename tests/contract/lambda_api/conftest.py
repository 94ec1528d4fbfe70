"""boto3 clients of what the suite is run against; `LAMBDA_API_STAND_IN` names it, else it is our local cloud.

A case says in its docstring what AWS says, and where in `cites`. Quotation marks are for words of botocore's model
(the API Reference's); the rest is said in short. A case knows boto3 and these fixtures only.
"""

from __future__ import annotations

import functools
import io
import json
import os
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.contract.lambda_api.stand_ins import STAND_INS

RUNTIME = f"python3.{sys.version_info.minor}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
ECHO = "def handle(event, context):\n    return event\n"
Clients = Callable[..., Any]


def zip_of(files: str | dict[str, str]) -> bytes:
    """A zip of these files, or of a main.py."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in ({"main.py": files} if isinstance(files, str) else files).items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def eventually(look: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """What `look` gives once it gives something."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing after {timeout_s} s")


@dataclass(frozen=True)
class Answer:
    """One Invoke."""

    response: dict[str, Any]
    payload: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.payload)

    @property
    def error(self) -> str | None:
        return self.response.get("FunctionError")


@pytest.fixture(scope="session")
def clients() -> Iterator[Clients]:
    """Makes clients: `clients("sqs")`; `validate=False` sends what botocore would refuse."""
    with STAND_INS[os.environ.get("LAMBDA_API_STAND_IN", "ours")]() as endpoint:

        @functools.cache
        def make(service: str, *, validate: bool = True) -> Any:
            return boto3.client(
                service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="local",
                aws_secret_access_key="local",
                config=Config(
                    retries={"total_max_attempts": 1}, read_timeout=90, parameter_validation=validate,
                    max_pool_connections=20,
                ),
            )  # fmt: skip

        yield make


@pytest.fixture(scope="session")
def functions(clients: Clients) -> Any:
    """The Lambda client."""
    return clients("lambda")


@pytest.fixture(scope="session")
def role(clients: Clients) -> str:
    made = clients("iam").create_role(RoleName="lambda-api", AssumeRolePolicyDocument=json.dumps(TRUST))
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
    clients("iam").put_role_policy(RoleName="lambda-api", PolicyName="queues", PolicyDocument=json.dumps(allowed))
    return str(made["Role"]["Arn"])


class Deploy:
    """Makes functions, and deletes them at the end of the test."""

    def __init__(self, functions: Any, role: str) -> None:
        self._functions = functions
        self._role = role
        self.made: list[str] = []

    def settings(self, code: str | dict[str, str] = ECHO, **more: Any) -> dict[str, Any]:
        """CreateFunction's arguments."""
        return {
            "FunctionName": f"t-{uuid.uuid4().hex[:12]}", "Runtime": RUNTIME, "Role": self._role,
            "Handler": "main.handle", "Timeout": 10, "MemorySize": 256, "Code": {"ZipFile": zip_of(code)}, **more,
        }  # fmt: skip

    def __call__(self, code: str | dict[str, str] = ECHO, **more: Any) -> str:
        """A function that is active; returns its name."""
        settings = self.settings(code, **more)
        name: str = settings["FunctionName"]
        self._functions.create_function(**settings)
        self.made.append(name)
        self.settled(name)
        return name

    def settled(self, name: str) -> None:
        """Waits as a caller must at AWS."""

        def is_settled() -> bool:
            found = self._functions.get_function_configuration(FunctionName=name)
            return found.get("State") == "Active" and found.get("LastUpdateStatus") != "InProgress"

        eventually(is_settled)


@pytest.fixture
def deploy(functions: Any, role: str) -> Iterator[Deploy]:
    made = Deploy(functions, role)
    yield made
    for name in made.made:
        try:
            functions.delete_function(FunctionName=name)
        except functions.exceptions.ResourceNotFoundException:
            pass  # the test has deleted it


@pytest.fixture(scope="module")
def echo(functions: Any, role: str) -> Iterator[str]:
    """A function that answers its event, for tests that change nothing."""
    made = Deploy(functions, role)
    name = made()
    yield name
    functions.delete_function(FunctionName=name)


@pytest.fixture(scope="session")
def call(functions: Any) -> Callable[..., Answer]:
    """Invokes: `call(name, event)`."""

    def invoke(name: str, event: Any = None, **more: Any) -> Answer:
        response = functions.invoke(FunctionName=name, **{"Payload": json.dumps(event).encode(), **more})
        return Answer(response, response["Payload"].read())

    return invoke


@pytest.fixture
def queue(clients: Clients) -> Callable[..., tuple[str, str]]:
    """Makes a queue; returns its URL and ARN."""

    def make(**attributes: str) -> tuple[str, str]:
        sqs = clients("sqs")
        url = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}", Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    return make


@pytest.fixture
def received(clients: Clients) -> Callable[[str], dict[str, Any]]:
    """The next message of a queue."""

    def receive(url: str) -> dict[str, Any]:
        asked = {"QueueUrl": url, "WaitTimeSeconds": 1, "MessageAttributeNames": ["All"]}
        messages: list[dict[str, Any]] = eventually(
            lambda: clients("sqs").receive_message(**asked).get("Messages")
        )
        return messages[0]

    return receive
