"""What an Invoke answers when a function's process, not its handler, went wrong: Lambda's own words.

Source: AWS Lambda Developer Guide, "Troubleshoot invocation issues", and the texts that Lambda writes to its logs.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import NamedTuple

RESPONSE_BYTES_MAX = 6_291_556
"""Largest response of a synchronous Invoke: the figure in Lambda's own error text (6 MB and 100 bytes)."""
REQUEST_BYTES_MAX = 6_291_456
"""Largest request of a synchronous Invoke (Lambda quotas: 6 MB)."""
EVENT_BYTES_MAX = 1_048_576
"""Largest request of an asynchronous Invoke (Lambda quotas: 1 MB)."""


class InvokeAnswer(NamedTuple):
    """What an Invoke that reached the function answers.

    Args:
        payload: The handler's JSON, or the error's.
        function_error: `Unhandled` where something went wrong.
        executed_version: Of the function.
        worker_pid: Process id on this machine.
        request_id: As in the log lines.
        log_tail: The last 4 KB of this call's log, where it was asked for.
    """

    payload: bytes
    function_error: str | None
    executed_version: str
    worker_pid: int
    request_id: str
    log_tail: bytes = b""


@dataclass(frozen=True, slots=True)
class Failure:
    """One error of Lambda's own.

    Args:
        error_type: `Runtime.ExitError` and the like.
        message: Its text, request id included where Lambda includes it.
    """

    error_type: str
    message: str

    def payload(self) -> bytes:
        """As JSON."""
        return json.dumps({"errorType": self.error_type, "errorMessage": self.message}).encode()


def timed_out(request_id: str, timeout_s: float) -> Failure:
    """The handler took longer than the function's Timeout."""
    return Failure(
        "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    )


def out_of_memory(request_id: str) -> Failure:
    """The kernel ended the process for its memory."""
    return Failure(
        "Runtime.OutOfMemory", f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
    )


def exited(request_id: str, code: int) -> Failure:
    """The process ended by itself: `code` as a shell has it, above 128 for a signal."""
    if code == 0:
        how = "Runtime exited without providing a reason"
    elif code > 128 and code - 128 in set(signal.Signals):
        text = signal.strsignal(code - 128) or f"signal {code - 128}"
        how = f"Runtime exited with error: signal: {text.lower()}"
    else:
        how = f"Runtime exited with error: exit status {code}"
    return Failure("Runtime.ExitError", f"RequestId: {request_id} Error: {how}")


def response_too_large(size_bytes: int) -> Failure:
    """The handler returned more than fits."""
    return Failure(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size "
        f"({RESPONSE_BYTES_MAX} bytes).",
    )


def response_not_json(request_id: str) -> Failure:
    """Something other than the runtime client answered."""
    return Failure("Runtime.InvalidResponse", f"RequestId: {request_id} Error: the response is not JSON")
