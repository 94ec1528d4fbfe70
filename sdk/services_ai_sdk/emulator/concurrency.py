"""How many calls of a function run, and which are too many.

Source: AWS Lambda Developer Guide, "Configuring reserved concurrency for a function".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.pool import Pool
from services_ai_sdk.emulator.spec import FunctionSpec


class ReservedConcurrency:
    """Counts calls from when they were let in until they are answered, over all versions of a function.

    Args:
        pools: All there are.
    """

    def __init__(self, pools: Callable[[], Iterable[Pool]]) -> None:
        self._pools = pools

    def has_room(self, spec: FunctionSpec) -> bool:
        """Whether the function's reserved concurrency, if it has one, allows one more call."""
        reserved = spec.reserved_concurrency
        if reserved is None:
            return True
        arn = spec.function_arn
        return sum(pool.calls for pool in self._pools() if pool.spec.function_arn == arn) < reserved

    def check(self, spec: FunctionSpec) -> None:
        """Raises where there is no room.

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
