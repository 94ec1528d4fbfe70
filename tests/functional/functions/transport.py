"""Faults between our functions and AWS: hooks on what boto3 sends, none of our code replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

Fault = Callable[[str, Any], AWSResponse | None]
"""Takes the operation's name and the request: an answer, None to let it through, or an exception."""


class Killed(BaseException):
    """The function's process ends in the middle of a call."""


class Transport:
    """Every client made after it asks it before it sends."""

    def __init__(self) -> None:
        self.fault: Fault = lambda operation, request: None
        self.sent: list[str] = []
        boto3.setup_default_session()
        session = boto3.DEFAULT_SESSION
        assert session is not None
        session.events.register_first("before-send", self._before_send)

    def _before_send(self, event_name: str, request: Any, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        self.sent.append(operation)
        return self.fault(operation, request)


def refused(request: Any, status: int, code: str) -> AWSResponse:
    """An answer of AWS's in JSON (DynamoDB) or XML (SNS)."""
    body = json.dumps({"__type": f"com.amazonaws#{code}", "message": "injected"}).encode()
    if "sns" in request.url:
        text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>injected</Message></Error>"
        body = f"{text}<RequestId>r</RequestId></ErrorResponse>".encode()
    return AWSResponse(request.url, status, {"x-amzn-requestid": "r"}, MockRawResponse(body))


def answer_lost(event_name: str, request: Any) -> AWSResponse:
    """AWS does what was asked; its answer never arrives."""
    assert botocore_stubber(event_name, request) is not None
    raise ReadTimeoutError(endpoint_url=request.url)
