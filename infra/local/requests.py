"""Which service and operation an AWS request is for, read off its headers, address and body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from services_ai_sdk.emulator.http import HttpRequest


@dataclass(frozen=True, slots=True)
class AwsCall:
    """What a request asks for.

    Attributes:
        service: Signing name: `sqs`, `dynamodb`; empty when the request is not signed.
        action: `ReceiveMessage`; empty for services addressed by path (S3, Lambda).
    """

    service: str
    action: str


@dataclass(frozen=True, slots=True)
class SigningScope:
    """What of the credential scope matters here."""

    region: str
    service: str


def read_call(request: HttpRequest) -> AwsCall:
    """Reads service and action; what is not understood is empty, and moto decides about it."""
    service = signing_scope(request.header("authorization")).service
    target = request.header("x-amz-target")
    if target:
        return AwsCall(service, target.rpartition(".")[2])
    return AwsCall(service, form(request).get("Action", ""))


def form(request: HttpRequest) -> dict[str, str]:
    """The fields of the query protocol: those of the address, and over them those of a body that is a form."""
    fields = dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))
    if request.method == "POST" and request.header("content-type").startswith("application/x-www-form-urlencoded"):
        fields |= parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return fields


def json_object(body: bytes) -> dict[str, Any]:
    """The object of a JSON-protocol body; empty when it is none."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def signing_scope(authorization: str) -> SigningScope:
    """Region and service that a request is signed for; empty when it is not signed."""
    # AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/sqs/aws4_request, SignedHeaders=…
    _, found, rest = authorization.partition("Credential=")
    parts = rest.partition(",")[0].split("/")
    return SigningScope(parts[2], parts[3].lower()) if found and len(parts) == 5 else SigningScope("", "")
