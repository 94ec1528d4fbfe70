from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.requests import AwsCall, form, json_object, read_call
from services_ai_sdk.emulator.http import HttpRequest

SIGNED = b"AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"


def request(headers: dict[str, bytes], body: bytes = b"", method: str = "POST") -> HttpRequest:
    return HttpRequest(method, "/", [(name.encode(), value) for name, value in headers.items()], body)


def test_json_protocol() -> None:
    call = read_call(request({"Authorization": SIGNED, "X-Amz-Target": b"AmazonSQS.ReceiveMessage"}))
    assert call == AwsCall("sqs", "ReceiveMessage")


def test_query_protocol() -> None:
    headers = {"Authorization": SIGNED, "Content-Type": b"application/x-www-form-urlencoded; charset=utf-8"}
    asked = request(headers, b"Action=ReceiveMessage&WaitTimeSeconds=3&QueueUrl=http%3A%2F%2Fq")
    assert read_call(asked) == AwsCall("sqs", "ReceiveMessage")
    assert form(asked)["QueueUrl"] == "http://q"


def test_addressed_by_path() -> None:
    assert read_call(request({"Authorization": SIGNED.replace(b"sqs", b"s3")}, method="PUT")) == AwsCall("s3", "")


@pytest.mark.parametrize(
    "value", [b"", b"Basic abc", b"AWS4-HMAC-SHA256 Credential=", b"Credential=a/b", b"\xff/\xff"]
)
def test_what_is_not_signed_has_no_service(value: bytes) -> None:
    assert read_call(request({"Authorization": value})).service == ""


@given(st.binary())
def test_any_body_is_an_object_or_empty(body: bytes) -> None:
    assert isinstance(json_object(body), dict)
    form(request({}, body))
