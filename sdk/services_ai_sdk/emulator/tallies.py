"""How many calls each function had, how long they took as their callers saw it, and what went wrong last.

A call costs a few additions. What is shown is made when somebody looks.
"""

from __future__ import annotations

import json
from array import array
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil, log2
from typing import Any

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.spec import FunctionSpec

SLOT_S = 5
SLOTS = 12
"""A minute in slots of five seconds, the current one among them."""
_BUCKETS = 104
_SMALLEST_MS = 1 / 16
ERRORS_KEPT = 20
_PAYLOAD_READ_MAX = 64 * 1024
_LINE_MAX = 2000


class Tallies:
    """Of all functions.

    Args:
        now_s: Monotonic seconds.
        now_ms: Unix milliseconds.
    """

    def __init__(self, now_s: Callable[[], float], now_ms: Callable[[], int]) -> None:
        self._now_s = now_s
        self._now_ms = now_ms
        self._functions: dict[str, _Tally] = {}
        self._refused: dict[str, int] = {}
        self._errors: deque[tuple[int, FunctionSpec, InvokeAnswer]] = deque(maxlen=ERRORS_KEPT)

    def counted(
        self, spec: FunctionSpec, answered: Callable[[InvokeAnswer], None]
    ) -> Callable[[InvokeAnswer], None]:
        """A call begins: what is to be told its answer, so that the call is counted behind it."""
        tally = self._functions.get(spec.function_name)
        if tally is None:
            tally = self._functions[spec.function_name] = _Tally()
        add, now_s = tally.add, self._now_s
        began_s = now_s()

        def ended(answer: InvokeAnswer) -> None:
            answered(answer)
            ended_s = now_s()
            add(ended_s, ended_s - began_s, answer.function_error)
            if answer.function_error:
                self._errors.append((self._now_ms(), spec, answer))

        return ended

    def refused_network(self, spec: FunctionSpec) -> None:
        """A connection that a function asked for was refused."""
        self._refused[spec.function_name] = self._refused.get(spec.function_name, 0) + 1

    def refused(self, function_name: str) -> int:
        """How many were."""
        return self._refused.get(function_name, 0)

    def functions(self) -> dict[str, dict[str, Any]]:
        """By name; plain data."""
        slot = int(self._now_s()) // SLOT_S
        return {name: tally.shown(slot) for name, tally in self._functions.items()}

    def errors(self) -> list[dict[str, Any]]:
        """The last function errors, newest first; plain data."""
        return [
            {
                "at": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds"),
                "function": spec.function_name,
                "version": answer.executed_version,
                "request_id": answer.request_id,
                **_what(answer.payload),
            }
            for at_ms, spec, answer in reversed(self._errors)
        ]


class _Slot:
    """Five seconds."""

    __slots__ = ("buckets", "calls", "failed", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.calls = self.failed = 0
        self.buckets = array("L", bytes(array("L").itemsize * _BUCKETS))


class _Tally:
    """Of one function."""

    __slots__ = ("_now", "_slots", "calls", "failed")

    def __init__(self) -> None:
        self.calls = self.failed = 0
        self._now = _Slot(-SLOTS)
        self._slots = deque([self._now], maxlen=SLOTS)

    def add(self, now_s: float, duration_s: float, function_error: str | None) -> None:
        """One call."""
        number = int(now_s) // SLOT_S
        slot = self._now
        if slot.number != number:
            slot = self._now = _Slot(number)
            self._slots.append(slot)
        self.calls += 1
        slot.calls += 1
        if function_error:
            self.failed += 1
            slot.failed += 1
        # Four buckets to each doubling.
        sixteenths = duration_s * 16_000
        bucket = int(log2(sixteenths) * 4) + 1 if sixteenths > 1 else 0
        slot.buckets[bucket if bucket < _BUCKETS else -1] += 1

    def shown(self, slot: int) -> dict[str, Any]:
        recent = [one for one in self._slots if one.number > slot - SLOTS]
        buckets = [sum(counts) for counts in zip(*(one.buckets for one in recent), strict=True)]
        return {
            "calls": self.calls,
            "errors": self.failed,
            "calls_last_minute": sum(one.calls for one in recent),
            "errors_last_minute": sum(one.failed for one in recent),
            "p50_ms": _percentile(buckets, 0.5),
            "p95_ms": _percentile(buckets, 0.95),
        }


def _percentile(buckets: list[int], share: float) -> float | None:
    """The upper edge of the bucket in which it lies; None where nothing was called."""
    left = ceil(sum(buckets) * share)
    if not left:
        return None
    for index, count in enumerate(buckets):
        left -= count
        if left <= 0:
            return round(_SMALLEST_MS * 2 ** (index / 4), 2)
    return None


def _what(payload: bytes) -> dict[str, str]:
    """Type and first line of an error's payload."""
    found: Any = None
    if len(payload) <= _PAYLOAD_READ_MAX:
        try:
            found = json.loads(payload)
        except (ValueError, RecursionError):
            pass  # shown as it is
    if not isinstance(found, dict):
        found = {"errorMessage": payload[:_LINE_MAX].decode("utf-8", "replace")}
    message = str(found.get("errorMessage") or "").strip()
    return {
        "type": str(found.get("errorType") or "")[:_LINE_MAX],
        "message": (message.splitlines() or [""])[0][:_LINE_MAX],
    }
