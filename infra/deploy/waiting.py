"""Waiting for what AWS does in its own time: a fresh role to spread, a function to become ready, a busy API."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from control_plane.aws_errors import aws_code
from services_ai_sdk.wire.errors import PlatformError

T = TypeVar("T")
Say = Callable[[str], None]

ACCEPTED_MAX_S = 60.0
READY_MAX_S = 120.0
SAY_EVERY_S = 10.0
_ROLE_NOT_YET = ("cannot be assumed by Lambda", "KMS CreateGrant")
"""Parts of the messages Lambda refuses a fresh role with, all under InvalidParameterValueException."""
_FUNCTION_NOT_YET = ("update is in progress", "following state: Pending")
"""Of those under ResourceConflictException: another deploy, or this one before it stopped, is still at work."""
_QUEUE_JUST_DELETED = frozenset({"AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently"})
_THROTTLES = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException"})
_SWITCHED_OFF = "ReservedFunctionConcurrentInvocationLimitExceeded"


class Waiting:
    """Waits with a clock and a sleep that are handed in.

    Args:
        clock: Monotonic seconds.
        sleep: Takes seconds.
        draw: From 0 to below 1: pauses are up to a quarter longer, so that deploys at once do not stay in step.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._draw = draw

    def until_accepted(self, call: Callable[[], T], say: Say, also: frozenset[str] = frozenset()) -> T:
        """Repeats `call` while AWS refuses it for a reason that passes by itself.

        A role that Lambda cannot use yet, a function that is still made or updated, too many calls.

        Args:
            call: May be made again after a refusal.
            say: Told what is waited for.
            also: More codes that pass.

        Raises:
            ClientError: Any other refusal, or such a one after 60 s.
        """
        began_s = said_s = self._clock()
        pause_s, said = 0.5, ""
        while True:
            try:
                return call()
            except ClientError as error:
                reason = _passing(error)
                if not reason and aws_code(error) in also:
                    reason = "AWS has trouble of its own"
                now_s = self._clock()
                wait_s = pause_s * (1 + self._draw() / 4)
                if not reason or now_s + wait_s > began_s + ACCEPTED_MAX_S:
                    raise
            if reason != said or now_s >= said_s + SAY_EVERY_S:
                say(f"waiting: {reason}{_so_far(now_s - began_s)}")
                said, said_s = reason, now_s
            self._sleep(wait_s)
            pause_s = min(pause_s * 2, 8.0)

    def until_ready(self, lambda_: Any, function_name: str, say: Say, qualifier: str = "$LATEST") -> None:
        """Waits for State=Active and LastUpdateStatus=Successful.

        Raises:
            PlatformError: The function failed to get there, or took longer than 120 s.
        """
        began_s = self._clock()
        said_s: float | None = None
        pause_s = 0.2
        while True:
            seen = lambda_.get_function_configuration(FunctionName=function_name, Qualifier=qualifier)
            state, update = seen.get("State", "Active"), seen.get("LastUpdateStatus", "Successful")
            if state == "Active" and update == "Successful":
                return
            if state == "Failed" or update == "Failed":
                reason = seen.get("StateReason") or seen.get("LastUpdateStatusReason") or "no reason given"
                raise PlatformError(
                    f"{function_name} did not become ready: {reason}",
                    code="function-failed",
                    details={
                        "aws_code": seen.get("StateReasonCode") or seen.get("LastUpdateStatusReasonCode") or "",
                        "state": state,
                        "last_update_status": update,
                    },
                )
            now_s = self._clock()
            wait_s = pause_s * (1 + self._draw() / 4)
            if now_s + wait_s > began_s + READY_MAX_S:
                raise PlatformError(
                    f"{function_name} is still {state}/{update} after {READY_MAX_S:.0f} s",
                    code="function-not-ready",
                    hint="approve again: the deploy goes on where it stopped",
                    retryable=True,
                )
            if said_s is None or now_s >= said_s + SAY_EVERY_S:
                seen_as = state if state != "Active" else update
                say(f"waiting: {function_name} is {seen_as}{_so_far(now_s - began_s)}")
                said_s = now_s
            self._sleep(wait_s)
            pause_s = min(pause_s * 1.5, 3.0)


def _passing(error: ClientError) -> str:
    """Why the same call may be taken later, in words; empty where it will not be."""
    code, text = aws_code(error), str(error.response["Error"].get("Message", ""))
    if code == "InvalidParameterValueException" and any(part in text for part in _ROLE_NOT_YET):
        return "Lambda cannot use the fresh role yet"
    if code == "ResourceConflictException" and any(part in text for part in _FUNCTION_NOT_YET):
        return "the function is still being made or updated"
    if code in _QUEUE_JUST_DELETED:
        return "a queue of this name was deleted less than 60 s ago"
    if code in _THROTTLES and error.response.get("Reason") != _SWITCHED_OFF:
        return "AWS takes no more calls for a moment"
    return ""


def _so_far(seconds: float) -> str:
    return f" ({seconds:.0f} s so far)" if seconds >= 1 else ""
