"""Failures that a breaker counts and that have no record yet: breakers are written at once, records later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from control_plane.operations.clock import Clock
from control_plane.rules.breaker import BreakerState, State
from control_plane.rules.moments import span
from control_plane.table.breakers import Breakers
from control_plane.table.errors import FAILURE_KEPT_S, Errors

ARRIVES_WITHIN_S = 600.0
"""Far longer than outcomes are gathered: what is not there by then is not on its way."""


def counted_ids(breaker: BreakerState) -> tuple[str, ...]:
    """The failures behind a breaker's state: those that switched it off, or those that count now."""
    if breaker.state is State.ENABLED:
        return tuple(sorted(call_id for run in breaker.runs.values() for call_id in run))
    return breaker.evidence.invocation_ids if breaker.evidence else ()


def unrecorded_sentence(counted: int, missing: int, breaker: BreakerState, now_s: float) -> str:
    """What is known of failures that have no record; empty when all have."""
    if not missing:
        return ""
    said = f"Of the {counted} failures that its breaker counts, {missing} {'has' if missing == 1 else 'have'}"
    off_s = 0.0 if breaker.state is State.ENABLED else now_s - breaker.since_s
    if off_s > FAILURE_KEPT_S:
        return ""
    if off_s > ARRIVES_WITHIN_S:
        return f"{said} no record after {span(off_s)}: look at the dead letters of the outcomes queue"
    return f"{said} no record yet: records follow some seconds behind the calls"


class Unrecorded:
    """Compares breakers with records.

    Args:
        breakers: What is counted.
        errors: What is recorded.
        clock: For how long.
    """

    def __init__(self, breakers: Breakers, errors: Errors, clock: Clock) -> None:
        self._breakers = breakers
        self._errors = errors
        self._clock = clock

    def sentences(self, plugin_ids: Sequence[str]) -> Mapping[str, str]:
        """By plugin; those without such failures are left out."""
        now_s = self._clock.now_s()
        found = {}
        for plugin_id, breaker in self._breakers.read(plugin_ids).items():
            ids = counted_ids(breaker)
            missing = len(ids) - len(self._errors.by_invocation(list(ids))) if ids else 0
            sentence = unrecorded_sentence(len(ids), missing, breaker, now_s)
            if sentence:
                found[plugin_id] = sentence
        return found
