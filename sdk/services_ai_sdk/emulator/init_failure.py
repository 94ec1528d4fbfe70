"""A worker that never got as far as asking for an event: why, and what the log and the caller are told.

Source: AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle".
"""

from __future__ import annotations

import json
from collections.abc import Callable

from services_ai_sdk.emulator import platform_lines
from services_ai_sdk.emulator.answers import Failure, InvokeAnswer
from services_ai_sdk.emulator.invocation import Invocation
from services_ai_sdk.emulator.output import tail
from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.spec import FunctionSpec


class InitFailedError(Exception):
    """The worker did not get as far as asking for an event.

    Args:
        payload: The runtime's own error as JSON, where it sent one.
        failure: Given a request id, Lambda's words; where the runtime sent none.
        lines: What it printed.
        stream: Its log stream.
        duration_ms: How long it took.
        used_mb: How much memory it had at most.
    """

    def __init__(
        self,
        payload: bytes,
        failure: Callable[[str], Failure] | None,
        lines: list[LogLine],
        *,
        stream: str,
        duration_ms: float,
        used_mb: int,
    ) -> None:
        super().__init__("init failed")
        self.payload = payload
        self.failure = failure
        self.lines = lines
        self.stream = stream
        self.duration_ms = duration_ms
        self.used_mb = used_mb

    def log(self, spec: FunctionSpec, now_ms: int, phase: str) -> list[LogLine]:
        """What it printed, and Lambda's line on it.

        Args:
            spec: What was to be started.
            now_ms: Unix milliseconds.
            phase: `init`, or `invoke` where it was the second try, on the call's own time.
        """
        error_type = self._error_type()
        report = platform_lines.init_failed(spec, now_ms, self.duration_ms, phase, error_type)
        return [*self.lines, *report]

    def answer(self, spec: FunctionSpec, invocation: Invocation, now_ms: int, phase: str) -> InvokeAnswer:
        """What the call that wanted this worker is told; completes the call's log."""
        request_id = invocation.request_id
        payload, note = self.payload, ""
        if self.failure is not None:
            failure = self.failure(request_id)
            payload, note = failure.payload(), failure.message
        invocation.status = "timeout" if self._error_type() == "Sandbox.Timedout" else "error"
        start, log = platform_lines.start(spec, request_id, now_ms), self.log(spec, now_ms, phase)
        lines = [*log, *start] if phase == "init" else [*start, *log]
        if note:
            lines.append(LogLine(now_ms, note))
        lines += platform_lines.end(
            spec, request_id, now_ms, invocation.status, self.duration_ms, 0.0, self.used_mb
        )
        invocation.lines += lines
        log_tail = tail(invocation.lines) if invocation.log_tail else b""
        return InvokeAnswer(payload, "Unhandled", spec.version, 0, request_id, log_tail)

    def _error_type(self) -> str:
        if self.failure is not None:
            return self.failure("").error_type
        error = json.loads(self.payload)
        return str(error.get("errorType", "")) if isinstance(error, dict) else ""
