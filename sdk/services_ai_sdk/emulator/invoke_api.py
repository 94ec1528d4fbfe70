"""Lambda's Invoke as HTTP.

Source: AWS Lambda API Reference, "Invoke".
"""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, unquote

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse, json_response
from services_ai_sdk.emulator.invocation import Caller
from services_ai_sdk.emulator.whole_request import Whole

_PATH = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations/?")
WORKER_PID_HEADER = "x-services-ai-worker-pid"
_LONG_WAY = frozenset({b"x-amz-client-context", b"x-amz-invocation-type", b"x-amz-log-type"})
_LOOKED_AT = re.compile(rb"\r\n(?:x-amz-client-context|x-amz-invocation-type|x-amz-log-type|x-amzn-trace-id):")
_read_one = json.JSONDecoder().raw_decode
_PLAIN = (b"RequestResponse", b"None")
_CLIENT_CONTEXT_BYTES_MAX = 3583
"""Of its base64 (Lambda API Reference)."""
_TRACE = re.compile(r"([A-Za-z]+=[\w:.-]+;)*Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;[A-Za-z]+=[\w:.-]+)*;?", re.ASCII)
_TRACE_BYTES_MAX = 512


def function_of(request: HttpRequest) -> str | None:
    """The function that a request invokes; None for any other request."""
    return _function_in(request.path) if request.method == "POST" else None


@functools.lru_cache(maxsize=1024)
def _function_in(path: str) -> str | None:
    match = _PATH.fullmatch(path)
    return unquote(match[1]) if match else None


async def invoke(engine: Engine, function: str, request: HttpRequest) -> HttpResponse:
    """Answers one Invoke."""
    try:
        return await _invoke(engine, function, request)
    except InvokeRefused as refusal:
        return refused(refusal)


def invoked_by(request: Whole) -> tuple[str, str | None] | None:
    """Function and qualifier that a request invokes; None for any other request."""
    return _invoked_by(request.target) if request.method == b"POST" else None


def try_invoke(
    engine: Engine, function: str, qualifier: str | None, request: Whole, respond: Callable[[bytes], None]
) -> bool:
    """Answers a plain warm call by the short way; False where the long one is needed, or an error is due."""
    if not _is_json(request.body):
        return False
    trace = ""
    if _LOOKED_AT.search(request.lowered):
        for name, value in request.headers():
            lowered = name.lower()
            if lowered in _LONG_WAY and value not in _PLAIN:
                return False
            if lowered == b"x-amzn-trace-id":
                trace = _trace(value.decode("latin-1"))
    return engine.try_invoke(function, qualifier, request.body, lambda answer: respond(_written(answer)), trace)


@functools.lru_cache(maxsize=1024)
def _invoked_by(target: bytes) -> tuple[str, str | None] | None:
    path, _, query = target.decode().partition("?")
    function = _function_in(path)
    return None if function is None else (function, _qualifier_in(query))


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
    qualifier = _qualifier(request)
    log_type = request.header("x-amz-log-type", "None")
    for name, value, known in (
        ("InvocationType", kind, ("RequestResponse", "DryRun", "Event")),
        ("LogType", log_type, ("None", "Tail")),
    ):
        if value not in known:
            raise InvokeRefused(400, "InvalidParameterValueException", f"{name} {value!r} is not one of Lambda's")
    _check_json(request.body)
    if kind == "DryRun":
        await engine.resolve(function, qualifier)
        return HttpResponse(204)
    if kind == "Event":
        # The caller's client context and its wish for a log are for synchronous calls only, as on Lambda.
        trace = _trace(request.header("x-amzn-trace-id"))
        request_id = await engine.invoke_event(function, qualifier, request.body, trace=trace)
        return HttpResponse(202, [(b"x-amzn-RequestId", request_id.encode())])
    client_context = _client_context(request.header("x-amz-client-context"))
    caller = Caller()
    request.on_hang_up = caller.hang_up
    answer = await engine.invoke(
        function,
        qualifier,
        request.body,
        log_tail=log_type == "Tail",
        client_context=client_context,
        trace=_trace(request.header("x-amzn-trace-id")),
        caller=caller,
    )
    return _response(answer)


def _head(answer: InvokeAnswer) -> str:
    head = (
        f"Content-Type: application/json\r\nx-amzn-RequestId: {answer.request_id}\r\n"
        f"X-Amz-Executed-Version: {answer.executed_version}\r\n{WORKER_PID_HEADER}: {answer.worker_pid}\r\n"
    )
    if answer.function_error:
        head += f"X-Amz-Function-Error: {answer.function_error}\r\n"
    if answer.log_tail:
        head += f"X-Amz-Log-Result: {base64.b64encode(answer.log_tail).decode()}\r\n"
    return head


def _response(answer: InvokeAnswer) -> HttpResponse:
    lines = _head(answer).encode("latin-1").splitlines()
    headers = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    return HttpResponse(200, headers, answer.payload)


def _written(answer: InvokeAnswer) -> bytes:
    head = f"HTTP/1.1 200 OK\r\n{_head(answer)}Content-Length: {len(answer.payload)}\r\n\r\n"
    return head.encode("latin-1") + answer.payload


def _qualifier(request: HttpRequest) -> str | None:
    return _qualifier_in(request.target.partition("?")[2])


@functools.lru_cache(maxsize=1024)
def _qualifier_in(query: str) -> str | None:
    return parse_qs(query).get("Qualifier", [None])[0]


def _trace(header: str) -> str:
    """The caller's X-Ray header where it is one; else the call gets one of its own."""
    return header if len(header) <= _TRACE_BYTES_MAX and _TRACE.fullmatch(header) else ""


def _client_context(header: str) -> str:
    """As JSON in ASCII on one line: it becomes a header once more, the runtime's."""
    if not header:
        return ""
    try:
        context = json.loads(base64.b64decode(header, validate=True))
    except (ValueError, RecursionError):
        context = None
    if not isinstance(context, dict) or len(header) > _CLIENT_CONTEXT_BYTES_MAX:
        raise InvokeRefused(
            400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."
        )
    return json.dumps(context)


def _is_json(body: bytes) -> bool:
    """Whether it is one value from first byte to last, or empty; what begins with a space may be JSON too."""
    if not body:
        return True
    try:
        text = body.decode()
        return _read_one(text)[1] == len(text)
    except (ValueError, RecursionError):
        return False


def _check_json(body: bytes) -> None:
    if _is_json(body):
        return
    try:
        # Again, by the whole reader: the words for an error are its.
        json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvokeRefused(
            400, "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error
