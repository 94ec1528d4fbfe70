"""Refusals as each service writes them: code, status, protocol, headers.

Source: botocore's models; API references, "Common errors".
"""

from __future__ import annotations

import json
from uuid import uuid4
from xml.sax.saxutils import escape

from infra.local.faults.profile import Kind, Service
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse

_THROTTLED: dict[Service, tuple[int, str, str]] = {
    "cloudformation": (400, "Throttling", "Rate exceeded"),
    "dynamodb": (
        400,
        "ProvisionedThroughputExceededException",
        (
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your"
            " provisioning level with the UpdateTable API."
        ),
    ),
    "events": (400, "ThrottlingException", "Rate exceeded"),
    "iam": (400, "Throttling", "Rate exceeded"),
    "lambda": (429, "TooManyRequestsException", "Rate exceeded"),
    "logs": (400, "ThrottlingException", "Rate exceeded"),
    "s3": (503, "SlowDown", "Please reduce your request rate."),
    "sns": (429, "Throttled", "Rate exceeded"),
    "sqs": (403, "RequestThrottled", "Request is throttled."),
    "sts": (400, "Throttling", "Rate exceeded"),
}
_TROUBLE = "We encountered an internal error. Please try again."
_UNAVAILABLE: dict[Service, tuple[int, str, str]] = {
    "cloudformation": (500, "InternalFailure", _TROUBLE),
    "dynamodb": (500, "InternalServerError", _TROUBLE),
    "events": (500, "InternalException", _TROUBLE),
    "iam": (500, "ServiceFailure", _TROUBLE),
    "lambda": (500, "ServiceException", _TROUBLE),
    "logs": (503, "ServiceUnavailableException", _TROUBLE),
    "s3": (500, "InternalError", _TROUBLE),
    "sns": (500, "InternalError", _TROUBLE),
    "sqs": (500, "InternalFailure", _TROUBLE),
    "sts": (500, "InternalFailure", _TROUBLE),
}


def refusal(service: Service, kind: Kind, request: HttpRequest) -> HttpResponse:
    """The answer that the service gives when it has too much to do, or trouble of its own."""
    status, code, message = (_THROTTLED if kind == "throttled" else _UNAVAILABLE)[service]
    if service == "lambda":
        return lambda_refusal(status, code, message)
    if service == "s3":
        return _xml(
            status, f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>", "x-amz-request-id"
        )
    if request.header("x-amz-target"):
        headers = _headers("application/x-amz-json-1.0", "x-amzn-requestid")
        headers.append((b"x-amzn-query-error", f"{code};{_fault(status)}".encode()))
        return HttpResponse(status, headers, json.dumps({"__type": code, "message": message}).encode())
    error = f"<Type>{_fault(status)}</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
    return _xml(status, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>", "x-amzn-requestid")


def lambda_refusal(status: int, code: str, message: str) -> HttpResponse:
    """An error of Lambda's."""
    body = {"Type": "Service" if status >= 500 else "User", "message": message}
    headers = _headers("application/json", "x-amzn-requestid")
    headers.append((b"x-amzn-errortype", code.encode()))
    if status == 429:
        body = {"Reason": "CallerRateLimitExceeded", **body}
        headers.append((b"Retry-After", b"1"))
    return HttpResponse(status, headers, json.dumps(body).encode())


def _xml(status: int, body: str, id_header: str) -> HttpResponse:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return HttpResponse(status, _headers("text/xml", id_header), text.encode())


def _headers(content_type: str, id_header: str) -> list[tuple[bytes, bytes]]:
    return [(b"Content-Type", content_type.encode()), (id_header.encode(), str(uuid4()).encode())]


def _fault(status: int) -> str:
    return "Receiver" if status >= 500 else "Sender"
