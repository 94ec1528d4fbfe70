"""Waiting for what AWS does in its own time: a fresh role to spread, a function to become ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from control_plane.aws_errors import aws_code
from services_ai_sdk.wire.errors import PlatformError

T = TypeVar("T")

ROLE_SPREADS_MAX_S = 60.0
READY_MAX_S = 120.0
_NOT_YET = ("cannot be assumed by Lambda", "KMS CreateGrant")
"""Parts of the messages Lambda refuses a fresh role with, all under InvalidParameterValueException."""


class Waiting:
    """Waits with a clock and a sleep that are handed in.

    Args:
        clock: Monotonic seconds.
        sleep: Takes seconds.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep

    def until_role_spread(self, call: Callable[[], T]) -> T:
        """Repeats `call` while Lambda says that it cannot use the role yet.

        Raises:
            ClientError: Any other refusal, or the same one after 60 s.
        """
        deadline, pause_s = self._clock() + ROLE_SPREADS_MAX_S, 0.5
        while True:
            try:
                return call()
            except ClientError as error:
                text = str(error.response["Error"].get("Message", ""))
                spreading = aws_code(error) == "InvalidParameterValueException" and any(
                    t in text for t in _NOT_YET
                )
                if not spreading or self._clock() + pause_s > deadline:
                    raise
            self._sleep(pause_s)
            pause_s = min(pause_s * 2, 8.0)

    def until_ready(self, lambda_: Any, function_name: str, qualifier: str = "$LATEST") -> None:
        """Waits for State=Active and LastUpdateStatus=Successful.

        Raises:
            PlatformError: The function failed to get there, or took longer than 120 s.
        """
        deadline, pause_s = self._clock() + READY_MAX_S, 0.2
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
            if self._clock() + pause_s > deadline:
                raise PlatformError(
                    f"{function_name} is still {state}/{update} after {READY_MAX_S:.0f} s",
                    code="function-not-ready",
                    hint="approve again: the deploy goes on where it stopped",
                    retryable=True,
                )
            self._sleep(pause_s)
            pause_s = min(pause_s * 1.5, 3.0)
