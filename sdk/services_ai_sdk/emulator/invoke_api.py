"""Lambda's Invoke as HTTP.

Source: AWS Lambda API Reference, "Invoke".
"""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import parse_qs, unquote

from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse, json_response

_PATH = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations/?")
WORKER_PID_HEADER = "x-services-ai-worker-pid"


def function_of(request: HttpRequest) -> str | None:
    """The function that a request invokes; None for any other request."""
    if request.method != "POST":
        return None
    match = _PATH.fullmatch(request.path)
    return unquote(match[1]) if match else None


async def invoke(engine: Engine, function: str, request: HttpRequest) -> HttpResponse:
    """Answers one Invoke."""
    try:
        return await _invoke(engine, function, request)
    except InvokeRefused as refusal:
        return refused(refusal)


def refused(refusal: InvokeRefused) -> HttpResponse:
    """An error as Lambda sends it."""
    body = {"Type": "User" if refusal.status < 500 else "Service", "Message": refusal.message}
    body["message"] = refusal.message
    if refusal.reason:
        body["Reason"] = refusal.reason
    headers = {"x-amzn-ErrorType": refusal.error_type, **refusal.headers}
    return json_response(refusal.status, json.dumps(body).encode(), **headers)


async def _invoke(engine: Engine, function: str, request: HttpRequest) -> HttpResponse:
    kind = request.header("x-amz-invocation-type", "RequestResponse")
    _, _, query = request.target.partition("?")
    qualifier = parse_qs(query).get("Qualifier", [None])[0]
    if kind == "Event":
        raise InvokeRefused(
            400,
            "InvalidParameterValueException",
            "asynchronous invocation (InvocationType Event) is not in this version of the local cloud",
        )
    if kind not in ("RequestResponse", "DryRun"):
        raise InvokeRefused(
            400, "InvalidParameterValueException", f"InvocationType {kind!r} is not one of Lambda's"
        )
    _check_json(request.body)
    if kind == "DryRun":
        await engine.resolve(function, qualifier)
        return HttpResponse(204)
    wants_log = request.header("x-amz-log-type", "None") == "Tail"
    answer = await engine.invoke(function, qualifier, request.body, log_tail=wants_log)
    headers = [
        (b"Content-Type", b"application/json"),
        (b"x-amzn-RequestId", answer.request_id.encode()),
        (b"X-Amz-Executed-Version", answer.executed_version.encode()),
        (WORKER_PID_HEADER.encode(), b"%d" % answer.worker_pid),
    ]
    if answer.function_error:
        headers.append((b"X-Amz-Function-Error", answer.function_error.encode()))
    if wants_log:
        headers.append((b"X-Amz-Log-Result", base64.b64encode(answer.log_tail)))
    return HttpResponse(200, headers, answer.payload)


def _check_json(body: bytes) -> None:
    if not body:
        return
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvokeRefused(
            400, "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error
