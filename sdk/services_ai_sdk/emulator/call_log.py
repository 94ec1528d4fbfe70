"""The last lines of each call's log, written after its caller has been answered, several calls at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from services_ai_sdk.emulator import platform_lines
from services_ai_sdk.emulator.invocation import Invocation
from services_ai_sdk.emulator.ports import LogLine, LogSink
from services_ai_sdk.emulator.spec import FunctionSpec

CLOSES_WITHIN_S = 0.02
CLOSED_AT_ONCE = 32


class _Unclosed(NamedTuple):
    invocation: Invocation
    duration_ms: float
    init_ms: float
    at_ms: int


class CallLog:
    """Of one worker.

    Args:
        spec: What it runs.
        stream: Log stream.
        sink: Where its lines go.
        used_mb: Highest resident memory of the worker so far.
        now_ms: Unix milliseconds.
    """

    def __init__(
        self, spec: FunctionSpec, stream: str, sink: LogSink, used_mb: Callable[[], int], now_ms: Callable[[], int]
    ) -> None:
        self._spec = spec
        self._stream = stream
        self._sink = sink
        self._used_mb = used_mb
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._unclosed: list[_Unclosed] = []
        self._timer: asyncio.TimerHandle | None = None

    def ends(self, invocation: Invocation, duration_ms: float, init_ms: float) -> None:
        """A call is over; its END and REPORT follow within `CLOSES_WITHIN_S`."""
        self._unclosed.append(_Unclosed(invocation, duration_ms, init_ms, self._now_ms()))
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
        for invocation, duration_ms, init_ms, at_ms in unclosed:
            invocation.lines += platform_lines.end(
                self._spec, invocation.request_id, at_ms, invocation.status, duration_ms, init_ms, used_mb
            )
            lines += invocation.lines
        self._sink.write(self._spec, self._stream, lines)

    def end(self) -> None:
        """Writes what is there, for good."""
        self.close()
        if self._timer is not None:
            self._timer.cancel()

    def _is_due(self) -> None:
        self._timer = None
        self.close()
