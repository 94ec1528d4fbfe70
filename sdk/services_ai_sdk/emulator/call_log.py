"""Each call's log, put together and written after its caller has been answered, several calls at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from services_ai_sdk.emulator import platform_lines
from services_ai_sdk.emulator.invocation import Invocation
from services_ai_sdk.emulator.ports import LogLine, LogSink
from services_ai_sdk.emulator.spec import FunctionSpec

CLOSES_WITHIN_S = 0.02
CLOSED_AT_ONCE = 32


class Ended(NamedTuple):
    """A call that was answered.

    Attributes:
        invocation: It.
        duration_ms: Of its handler.
        init_ms: Of its worker's init, 0 on a warm call.
        note: Lambda's own line on what went wrong, or nothing.
        printed: By its handler.
    """

    invocation: Invocation
    duration_ms: float
    init_ms: float
    note: str
    printed: Sequence[LogLine] = ()


class CallLog:
    """Of one worker.

    Args:
        spec: What it runs.
        stream: Log stream.
        sink: Where its lines go.
        used_mb: Highest resident memory of the worker so far.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        stream: str,
        sink: LogSink,
        used_mb: Callable[[], int],
    ) -> None:
        self._spec = spec
        self._stream = stream
        self._sink = sink
        self._used_mb = used_mb
        self._loop = asyncio.get_running_loop()
        self._unclosed: list[Ended] = []
        self._timer: asyncio.TimerHandle | None = None

    def ends(self, ended: Ended) -> None:
        """A call is over; its lines are written within `CLOSES_WITHIN_S`."""
        self._unclosed.append(ended)
        if len(self._unclosed) >= CLOSED_AT_ONCE:
            self.close()
        elif self._timer is None:
            self._timer = self._loop.call_later(CLOSES_WITHIN_S, self._is_due)

    def close(self) -> None:
        """Writes what is there now."""
        if not self._unclosed:
            return
        unclosed, self._unclosed = self._unclosed, []
        used_mb = self._used_mb()
        lines: list[LogLine] = []
        for ended in unclosed:
            invocation = ended.invocation
            request_id, started_ms = invocation.request_id, invocation.started_ms
            at_ms = started_ms + int(ended.duration_ms)
            invocation.lines += platform_lines.start(self._spec, request_id, started_ms)
            invocation.lines += ended.printed
            if ended.note:
                invocation.lines.append(LogLine(at_ms, ended.note))
            invocation.lines += platform_lines.end(
                self._spec, request_id, at_ms, invocation.status, ended.duration_ms, ended.init_ms, used_mb
            )
            lines += invocation.lines
        self._sink.write(self._spec, self._stream, lines)

    def say(self, at_ms: int, text: str) -> None:
        """A line of its own, behind those of all calls so far."""
        self.close()
        self._sink.write(self._spec, self._stream, [LogLine(at_ms, text)])

    def end(self) -> None:
        """Writes what is there, for good."""
        self.close()
        if self._timer is not None:
            self._timer.cancel()

    def _is_due(self) -> None:
        self._timer = None
        self.close()
