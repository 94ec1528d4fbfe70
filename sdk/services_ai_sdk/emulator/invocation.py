"""One event on its way through one worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.ports import LogLine


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
        started_s: Monotonic, when a worker took it.
        lines: Its log so far.
        client_context: JSON in ASCII, as the runtime gets it, or nothing.
        trace: The caller's X-Ray header, or nothing.
        caller: Who waits for it, where that may end early.
        handed_back: How many workers had it and did not take it.
        status: How it ended, as Lambda's report has it: success, error, timeout, failure.
    """

    request_id: str
    payload: bytes
    invoked_arn: str
    answered: Callable[[InvokeAnswer], None]
    log_tail: bool = False
    started_s: float = 0.0
    lines: list[LogLine] = field(default_factory=list)
    client_context: str = ""
    trace: str = ""
    caller: Caller | None = None
    handed_back: int = 0
    status: str = "success"


def new_invocation(
    invoked_arn: str,
    payload: bytes,
    answered: Callable[[InvokeAnswer], None],
    *,
    request_id: str = "",
    log_tail: bool = False,
) -> Invocation:
    """One event for a function, under an id of its own unless it has one; see `Invocation`."""
    return Invocation(request_id or new_request_id(), payload or b"{}", invoked_arn, answered, log_tail)


def new_request_id() -> str:
    """A random UUID (version 4), in a quarter of the time that `uuid` takes."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
