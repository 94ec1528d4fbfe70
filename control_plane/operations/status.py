"""The fleet, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from control_plane.operations.attempts import Attempt, last_attempt
from control_plane.operations.clock import Clock
from control_plane.operations.probes import FailedProbes, failed_probes
from control_plane.operations.unknown import unknown_plugin
from control_plane.rules.breaker import BreakerState, State
from control_plane.rules.moments import iso
from control_plane.rules.not_run import lacking
from control_plane.rules.triage import GroupState
from control_plane.table.activity import Activity, ActivityTable
from control_plane.table.breakers import Breakers
from control_plane.table.errors import ErrorGroup, Errors
from control_plane.table.plugins import PluginRecord, Plugins

WINDOW_MINUTES = 60
_WORST_FIRST = (State.AUTO_DISABLED, State.PROBING, State.DISABLED, State.ENABLED)


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One plugin.

    Attributes:
        record: What is live; None for a plugin of which nothing ever was, because its deploy failed.
        breaker: None only while a plugin is being taken away, or where nothing is live.
        activity: Of the last hour.
        last_error: The group with the latest failure, of those that are neither resolved nor ignored.
        probes: Those that failed since it was switched off; None where none did.
        attempt: A later deploy, which did not take effect; looked for where one plugin is asked for.
    """

    plugin_id: str
    version: str
    record: PluginRecord | None
    breaker: BreakerState | None
    activity: Activity
    last_error: ErrorGroup | None
    probes: FailedProbes | None = None
    attempt: Attempt | None = None

    @property
    def state(self) -> str:
        """The breaker's, in its own word."""
        if self.record is None:
            return "not_deployed"
        return str(self.breaker.state) if self.breaker else "unknown"

    @property
    def lacking(self) -> str:
        """What this machine lacks to run it, by its latest calls, else by its smoke call; empty where nothing."""
        if self.activity.not_run_why or self.activity.successes or self.activity.failures:
            return self.activity.not_run_why
        return lacking(self.record.smoke) if self.record else ""

    @property
    def error_rate(self) -> float:
        """Failures that are not ignored, of all calls that counted, in the last hour."""
        return self.activity.error_rate

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        breaker, activity, last = self.breaker, self.activity, self.last_error
        return {
            "plugin": self.plugin_id,
            "version": self.version,
            "state": self.state,
            "since": iso(breaker.since_s) if breaker else None,
            "reason": breaker.reason if breaker else "",
            "actor": breaker.actor if breaker else "",
            "probe_at": iso(breaker.probe_at_s) if breaker and breaker.probe_at_s else None,
            "failed_probes": self.probes.to_dict() if self.probes else None,
            "not_run": {"last_hour": self.activity.not_run, "why": self.lacking}
            if self.lacking or self.activity.not_run
            else None,
            "last_hour": {
                "calls": activity.calls,
                "successes": activity.successes,
                "failures": activity.failures,
                "ignored": activity.ignored,
                "uncounted": activity.uncounted,
                "skipped": activity.skipped,
                "cold": activity.cold,
                "error_rate": round(self.error_rate, 4),
                "p50_ms": _rounded(activity.quantile_ms(0.5)),
                "p95_ms": _rounded(activity.quantile_ms(0.95)),
            },
            "last_error": {
                "error": last.group_id,
                "type": last.type,
                "message": last.message,
                "where": last.where,
                "at_ms": last.last_at_ms,
                "count": last.count,
            }
            if last
            else None,
            "unfinished_deploy": self.attempt.to_dict() if self.attempt else None,
            "record": self.record.to_dict() if self.record else None,
        }


class Fleet:
    """Reads the state of plugins.

    Args:
        plugins: Records.
        breakers: States.
        activity: Statistics.
        errors: Groups.
        clock: For the window.
    """

    def __init__(
        self, plugins: Plugins, breakers: Breakers, activity: ActivityTable, errors: Errors, clock: Clock
    ) -> None:
        self._plugins = plugins
        self._breakers = breakers
        self._activity = activity
        self._errors = errors
        self._clock = clock

    def all(self) -> list[PluginStatus]:
        """Every plugin: those that are off first, then those that cannot run here, then by error rate and id."""
        rows = self._of(self._plugins.fleet())
        return sorted(rows, key=lambda row: (_rank(row.breaker), not row.lacking, -row.error_rate, row.plugin_id))

    def one(self, plugin_id: str) -> PluginStatus:
        """One plugin, also one of which no deploy has succeeded yet.

        Raises:
            InvalidInputError: There is none of this id.
        """
        record = self._plugins.get(plugin_id)
        attempt = last_attempt(self._plugins, plugin_id, record.version if record else "")
        if record is not None:
            return replace(self._of([record])[0], attempt=attempt)
        if attempt is None:
            raise unknown_plugin(plugin_id, [known.plugin_id for known in self._plugins.fleet()])
        return PluginStatus(plugin_id, attempt.release.version, None, None, Activity(), None, attempt=attempt)

    def _of(self, records: Sequence[PluginRecord]) -> list[PluginStatus]:
        breakers = self._breakers.read([record.plugin_id for record in records])
        ids = [breaker.probe_failed_id for breaker in breakers.values() if breaker.probe_failed_id]
        probed = {error.invocation_id: error for error in self._errors.by_invocation(ids)}
        first_minute = int(self._clock.now_s() // 60) - WINDOW_MINUTES + 1
        rows = []
        for record in records:
            groups = [group for group in self._errors.groups(record.plugin_id) if self._is_news(group)]
            breaker = breakers.get(record.plugin_id)
            rows.append(
                PluginStatus(
                    plugin_id=record.plugin_id,
                    version=record.version,
                    record=record,
                    breaker=breaker,
                    activity=self._activity.since(record.plugin_id, first_minute),
                    last_error=groups[0] if groups else None,
                    probes=failed_probes(breaker, probed.get(breaker.probe_failed_id) if breaker else None),
                )
            )
        return rows

    def _is_news(self, group: ErrorGroup) -> bool:
        return group.decision.seen_at(self._clock.now_ms()) in (GroupState.OPEN, GroupState.REGRESSED)


def _rank(breaker: BreakerState | None) -> int:
    return _WORST_FIRST.index(breaker.state) if breaker else -1


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
