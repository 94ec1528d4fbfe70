"""Why a plugin is in the state it is in, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from control_plane.operations.clock import Clock
from control_plane.operations.status import Fleet, PluginStatus
from control_plane.operations.unrecorded import counted_ids, unrecorded_sentence
from control_plane.rules.breaker import PROBE_SUCCESSES_TO_CLOSE, BreakerState, State
from control_plane.rules.moments import moment, span
from control_plane.table.errors import Errors, PluginError, place
from services_ai_sdk.wire.limits import CONSECUTIVE_FAILURES_MAX


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer.

    Attributes:
        sentences: For people, most important first.
        failures: Those that switched it off, or that count now, oldest first, as far as the recorder has them.
    """

    status: PluginStatus
    sentences: tuple[str, ...]
    failures: tuple[PluginError, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        evidence = self.status.breaker.evidence if self.status.breaker else None
        return {
            "plugin": self.status.plugin_id,
            "state": self.status.state,
            "not_run": self.status.to_dict()["not_run"],
            "because": list(self.sentences),
            "failed_probes": self.status.probes.to_dict() if self.status.probes else None,
            "unfinished_deploy": self.status.attempt.to_dict() if self.status.attempt else None,
            "evidence": asdict(evidence) if evidence else None,
            "failures": [
                {
                    "invocation_id": error.invocation_id,
                    "at_ms": error.occurred_at_ms,
                    "hook": error.hook,
                    "version": error.plugin_version,
                    "error": error.group_id,
                    "type": error.failure.type,
                    "message": error.failure.message,
                    "where": place(error.failure)[0],
                }
                for error in self.failures
            ],
        }


class Why:
    """Explains states.

    Args:
        fleet: States and statistics.
        errors: The failures behind them.
        clock: For "ago".
    """

    def __init__(self, fleet: Fleet, errors: Errors, clock: Clock) -> None:
        self._fleet = fleet
        self._errors = errors
        self._clock = clock

    def explain(self, plugin_id: str) -> Explanation:
        """Why this plugin is on or off.

        Raises:
            InvalidInputError: There is no such plugin.
        """
        status = self._fleet.one(plugin_id)
        breaker, now_s = status.breaker, self._clock.now_s()
        attempt = status.attempt.sentences(now_s) if status.attempt else []
        if status.record is None:
            return Explanation(status, tuple(attempt), ())
        if breaker is None:
            return Explanation(status, ("It is being taken away: its breaker is gone.",), ())
        ids = counted_ids(breaker)
        failures = tuple(self._errors.by_invocation(list(ids)))
        unrecorded = unrecorded_sentence(len(ids), len(ids) - len(failures), breaker, now_s)
        sentences = [*_state(status, breaker, now_s), *_not_run(status), *_runs(breaker, failures)]
        sentences += [f"{unrecorded}."] if unrecorded else []
        sentences += [*_uncounted(status), *attempt]
        if status.record.smoke != "passed" and not status.lacking:
            sentences.append(f"Its smoke call was {status.record.smoke}.")
        return Explanation(status, tuple(sentences), failures)


def _state(status: PluginStatus, breaker: BreakerState, now_s: float) -> list[str]:
    since = f"since {moment(breaker.since_s)} ({span(now_s - breaker.since_s)})"
    probes = [status.probes.sentence(now_s)] if status.probes else []
    because = f": {breaker.reason}" if breaker.reason else ""
    match breaker.state:
        case State.ENABLED:
            return [f"It is on {since}, by {breaker.actor or 'its deploy'}{because}."]
        case State.DISABLED:
            return [
                f"It has been off {since}, switched off by {breaker.actor}{because}.",
                "It never comes back by itself: services-ai-admin enable switches it on.",
            ]
        case State.PROBING:
            good = f"{breaker.probe_successes} of {PROBE_SUCCESSES_TO_CLOSE} calls in a row have succeeded"
            return [
                f"It has been off {since}{because}.",
                *probes,
                f"It is being probed: {good}; all other calls still go without it.",
            ]
        case State.AUTO_DISABLED:
            wait_s = breaker.probe_at_s - now_s
            when = f"in {span(wait_s)}, at {moment(breaker.probe_at_s)}" if wait_s > 0 else "with the next call"
            return [
                f"It has been off {since}{because}.",
                *probes,
                f"The next probe runs {when}; {PROBE_SUCCESSES_TO_CLOSE} good ones switch it on again.",
            ]


def _not_run(status: PluginStatus) -> list[str]:
    count = status.activity.not_run
    calls, were = ("1 call", "was") if count == 1 else (f"{count} calls", "were")
    if status.lacking:
        return [f"It does not run here, and its calls are skipped ({calls} in the last hour): {status.lacking}."]
    return [f"In the last hour {calls} {were} skipped, before it could run here."] if count else []


def _runs(breaker: BreakerState, failures: tuple[PluginError, ...]) -> list[str]:
    if breaker.state is State.ENABLED:
        return [
            f"{len(run)} of {CONSECUTIVE_FAILURES_MAX} failures in a row on {hook}; its next success clears them."
            for hook, run in sorted(breaker.runs.items())
        ]
    if len(failures) < 2:
        return []
    took_s = (failures[-1].occurred_at_ms - failures[0].occurred_at_ms) / 1000
    kinds = {error.group_id for error in failures}
    same = "all the same error" if len(kinds) == 1 else f"{len(kinds)} different errors"
    return [f"The {len(failures)} failures came within {span(took_s)}, {same}."]


def _uncounted(status: PluginStatus) -> list[str]:
    count = status.activity.uncounted
    if not count:
        return []
    calls = "call was" if count == 1 else "calls were"
    return [f"In the last hour {count} {calls} not held against it: Lambda or the network refused them."]
