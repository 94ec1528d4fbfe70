"""What Lambda tells of an asynchronous call that has come to its end.

Source: AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations" and "Adding a
dead-letter queue". What they leave open (the records of what never ran) is as public reports have it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.errors import InvokeRefused

SUCCESS = "Success"
RETRIES_EXHAUSTED = "RetriesExhausted"
TOO_OLD = "EventAgeExceeded"
ZERO_CONCURRENCY = "ZeroReservedConcurrency"
_NOT_INVOKED = "Function not invoked. Function isconfigured with zero reserved concurrent executions"
"""Lambda's own text, without a space where it has none (from a public report)."""
_ERROR_BYTES_MAX = 1024
"""Of a dead letter's ErrorMessage: the first kilobyte."""


@dataclass(slots=True)
class Event:
    """One asynchronous call.

    Args:
        request_id: The caller's, and the handler's at every try.
        function_arn: Without a qualifier.
        qualifier: Version or alias, as the caller named it.
        payload: JSON.
        accepted_s: Monotonic.
        trace: The caller's X-Ray header, or nothing.
        generation: How many destinations it came through.
        tries: How often the function ran.
        refusals: How often in a row it was refused before it ran.
        skipped_s: By how much its waits were shorter than Lambda's: so much older it counts.
        last: How the last try ended.
    """

    request_id: str
    function_arn: str
    qualifier: str | None
    payload: bytes
    accepted_s: float
    trace: str = ""
    generation: int = 0
    tries: int = 0
    refusals: int = 0
    skipped_s: float = 0.0
    last: InvokeAnswer | InvokeRefused | None = None


def destination_record(event: Event, condition: str, now_ms: int) -> str:
    """What a destination gets, as JSON."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    context = {
        "requestId": event.request_id,
        "functionArn": f"{event.function_arn}:{event.qualifier or '$LATEST'}",
        "condition": condition,
        "approximateInvokeCount": event.tries,
    }
    members = {
        "version": '"1.0"',
        "timestamp": json.dumps(moment.replace("+00:00", "Z")),
        "requestContext": json.dumps(context),
        "requestPayload": _text(event.payload),
    }
    if isinstance(event.last, InvokeAnswer):
        response: dict[str, Any] = {"statusCode": 200, "executedVersion": event.last.executed_version}
        if event.last.function_error:
            response["functionError"] = event.last.function_error
        members["responseContext"] = json.dumps(response)
        members["responsePayload"] = _text(event.last.payload)
    elif event.last is not None:
        members["responseContext"] = json.dumps({"statusCode": event.last.status})
    # Payloads go in as they came: reading and writing them again would change numbers and take time.
    return "{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}"


def dead_letter(event: Event) -> str:
    """The event itself, as text."""
    return _text(event.payload)


def dead_letter_attributes(event: Event) -> dict[str, tuple[str, str]]:
    """What a dead letter says besides the event itself."""
    if event.last is None:
        return {"RequestID": ("String", event.request_id), "ErrorMessage": ("String", _NOT_INVOKED)}
    status, message = 200, ""
    if isinstance(event.last, InvokeAnswer):
        message = _error_message(event.last.payload)
    else:
        status, message = event.last.status, event.last.message
    # An attribute of a message must not be empty, and has no control characters.
    shown = "".join(each if each >= " " or each in "\t\n\r" else "?" for each in message)
    cut = shown.encode("utf-8", "replace")[:_ERROR_BYTES_MAX].decode("utf-8", "ignore")
    return {
        "RequestID": ("String", event.request_id),
        "ErrorCode": ("Number", str(status)),
        "ErrorMessage": ("String", cut or "unknown"),
    }


def _error_message(payload: bytes) -> str:
    try:
        error = json.loads(payload)
    except (ValueError, RecursionError):
        return ""  # a runtime may answer what it likes
    return str(error.get("errorMessage", "")) if isinstance(error, dict) else ""


def _text(payload: bytes) -> str:
    """JSON as text, in whichever encoding `json.loads` took it."""
    if not payload.strip():
        return "null"
    return payload.decode(json.detect_encoding(payload), "surrogatepass").encode("utf-8", "replace").decode()
