"""One event on its way through one worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.ports import LogLine

_IDS_AT_ONCE = 64


class Caller:
    """Whoever waits for an answer."""

    def __init__(self) -> None:
        self.is_gone = False
        self.on_hang_up: Callable[[], None] | None = None
        """Told while the call waits for a worker; one that runs is not stopped."""

    def hang_up(self) -> None:
        """It waits no more."""
        self.is_gone = True
        if self.on_hang_up is not None:
            self.on_hang_up()


@dataclass(slots=True)
class Invocation:
    """One event.

    Args:
        request_id: UUID.
        payload: JSON.
        invoked_arn: As the caller named the function, qualifier included.
        answered: Called once, when the answer is known, on the loop's thread.
        log_tail: Whether the caller wants the end of the log.
        trace: The caller's X-Ray header, or nothing.
        client_context: JSON in ASCII, as the runtime gets it, or nothing.
        caller: Who waits for it, where that may end early.
        started_s: Monotonic, when a worker took it.
        started_ms: Unix milliseconds, for its START line.
        lines: Its log so far; until it has ended, only what comes before that line.
        handed_back: How many workers had it and did not take it.
        status: How it ended, as Lambda's report has it: success, error, timeout, failure.
    """

    request_id: str
    payload: bytes
    invoked_arn: str
    answered: Callable[[InvokeAnswer], None]
    log_tail: bool = False
    trace: str = ""
    client_context: str = ""
    caller: Caller | None = None
    started_s: float = 0.0
    started_ms: int = 0
    lines: list[LogLine] = field(default_factory=list)
    handed_back: int = 0
    status: str = "success"


class RequestIds:
    """Random UUIDs (version 4), many from one look at the source of randomness.

    Args:
        random_bytes: Makes so many.
    """

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._ids: list[str] = []

    def __call__(self) -> str:
        """The next."""
        if not self._ids:
            digits = self._random_bytes(_IDS_AT_ONCE * 16).hex()
            self._ids = [_uuid(digits[at : at + 32]) for at in range(0, len(digits), 32)]
        return self._ids.pop()


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
