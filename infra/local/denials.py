"""Refusals as each protocol of AWS says them, so that a client raises what it would raise there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape

from infra.local.requests import form
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse, json_response

_XML = [(b"Content-Type", b"text/xml")]
_INVALID = "The security token included in the request is invalid."
_HINT = (
    " In the local cloud: use what `services-ai-admin local env` prints, or keys of an IAM user or role made here."
)
# By kind of refusal: the codes in JSON (with and without the ending), query and S3, and the message.
_CODES = {
    "AccessDenied": ("AccessDeniedException", "AccessDenied", "AccessDenied", ""),
    "UnknownKey": ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", _INVALID + _HINT),
    "Expired": (
        "ExpiredTokenException",
        "ExpiredToken",
        "ExpiredToken",
        "The security token included in the request is expired",
    ),
    "Anonymous": (
        "MissingAuthenticationTokenException",
        "MissingAuthenticationToken",
        "AccessDenied",
        "Request is missing Authentication Token",
    ),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request does not go on.

    Attributes:
        kind: `AccessDenied`, `UnknownKey`, `Expired`, `Anonymous`.
        message: In AWS's words; empty where the kind has its own.
    """

    kind: str
    message: str


def refusal(request: HttpRequest, service: str, why: Refusal) -> HttpResponse:
    """The answer to a request that is refused.

    Args:
        request: As it came.
        service: That it is signed for; empty when that is not known.
        why: The reason.
    """
    in_json, in_query, in_s3, message = _CODES[why.kind]
    message = why.message or message
    if request.header("x-amz-target"):
        body = json.dumps({"__type": in_json, "message": message, "Message": message}).encode()
        headers = {"x_amzn_ErrorType": in_json}
        if service == "sqs":
            # Compatible with the query protocol: clients take code and sender from this header.
            return json_response(403, body, x_amzn_query_error=f"{in_query};Sender", **headers)
        return json_response(400, body, **headers)
    if form(request).get("Action"):
        code = "AuthorizationError" if service == "sns" and in_query == "AccessDenied" else in_query
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
        )
        return HttpResponse(403, list(_XML), text.encode())
    if service in ("s3", "") and not request.path.startswith(("/2015-03-31/functions/", "/v2/email")):
        text = f"<Error><Code>{in_s3}</Code><Message>{escape(message)}</Message></Error>"
        return HttpResponse(403, list(_XML), text.encode())
    body = json.dumps({"__type": in_json, "message": message, "Message": message}).encode()
    return json_response(403, body, x_amzn_ErrorType=in_json)
