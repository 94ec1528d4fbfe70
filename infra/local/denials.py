"""AccessDenied as each protocol of AWS says it, so that a function's client raises what it would raise there."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from infra.local.requests import AwsCall
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse, json_response

_XML = [(b"Content-Type", b"text/xml")]


def access_denied(request: HttpRequest, call: AwsCall, message: str) -> HttpResponse:
    """The answer to a request that the caller's role does not allow."""
    text = json.dumps({"__type": "AccessDeniedException", "message": message, "Message": message}).encode()
    if request.header("x-amz-target"):
        return json_response(400, text, x_amzn_ErrorType="AccessDeniedException")
    if call.service == "s3" or not call.service:
        body = f"<Error><Code>AccessDenied</Code><Message>{escape(message)}</Message></Error>"
        return HttpResponse(403, list(_XML), body.encode())
    if call.action:
        body = (
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
            f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
        )
        return HttpResponse(403, list(_XML), body.encode())
    return json_response(403, text, x_amzn_ErrorType="AccessDeniedException")
