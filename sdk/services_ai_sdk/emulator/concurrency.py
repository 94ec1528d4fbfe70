"""How many calls of each function run, and which are too many.

Source: AWS Lambda Developer Guide, "Configuring reserved concurrency for a function".
"""

from __future__ import annotations

from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.spec import FunctionSpec


class RunningCalls:
    """Counts calls from when they were let in until they are answered, over all versions of a function."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def has_room(self, spec: FunctionSpec) -> bool:
        """Whether the function's reserved concurrency, if it has one, allows one more."""
        reserved = spec.reserved_concurrency
        return reserved is None or self._counts.get(spec.function_arn, 0) < reserved

    def begin(self, spec: FunctionSpec) -> None:
        """One more.

        Raises:
            InvokeRefused: 429, it is one too many.
        """
        if not self.has_room(spec):
            raise InvokeRefused(
                429,
                "TooManyRequestsException",
                "Rate Exceeded.",
                reason="ReservedFunctionConcurrentInvocationLimitExceeded",
            )
        self._counts[spec.function_arn] = self._counts.get(spec.function_arn, 0) + 1

    def end(self, spec: FunctionSpec) -> None:
        """One less."""
        left = self._counts[spec.function_arn] - 1
        if left:
            self._counts[spec.function_arn] = left
        else:
            del self._counts[spec.function_arn]
