"""One event on its way through one worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.ports import LogLine


@dataclass(slots=True)
class Invocation:
    """One event.

    Args:
        request_id: UUID.
        payload: JSON.
        invoked_arn: As the caller named the function, qualifier included.
        answered: Called once, when the answer is known, on the loop's thread.
        log_tail: Whether the caller wants the end of the log.
        started_s: Monotonic, when a worker took it.
        lines: Its log so far.
        handed_back: How many workers had it and did not take it.
    """

    request_id: str
    payload: bytes
    invoked_arn: str
    answered: Callable[[InvokeAnswer], None]
    log_tail: bool = False
    started_s: float = 0.0
    lines: list[LogLine] = field(default_factory=list)
    handed_back: int = 0
