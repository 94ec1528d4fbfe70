"""Outcomes messages → failures, groups, statistics, log. Failures exactly once, the rest at least once."""

from __future__ import annotations

import re
from collections import defaultdict

from control_plane.rules.classify import bounded, number
from control_plane.rules.grouping import group_id
from control_plane.rules.not_run import lacking
from control_plane.rules.text import plain
from control_plane.rules.triage import Decision, happened_again
from control_plane.table.activity import Activity, ActivityTable, PluginExecutionLog
from control_plane.table.errors import Errors, PluginError
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.outcome import Outcome, OutcomeClass, OutcomesMessage

_PLUGIN = re.compile(r"[a-z0-9](?:-?[a-z0-9]){0,39}")
_HOOK = re.compile(r"[a-z][a-z0-9_]{0,63}")
_INVOCATION = re.compile(r"[0-9a-f-]{1,64}")
_AT_MS = range(1_500_000_000_000, 10_000_000_000_000)


class Fold:
    """One batch. `take` writes failures at once; everything else is written by `flush`.

    Args:
        errors: Failures and groups.
        activity: Statistics and logs.
    """

    def __init__(self, errors: Errors, activity: ActivityTable) -> None:
        self._errors = errors
        self._activity = activity
        self._minutes: dict[tuple[str, int], Activity] = defaultdict(Activity)
        self._logs: dict[str, list[PluginExecutionLog]] = defaultdict(list)
        self._decisions: dict[tuple[str, str], Decision] = {}

    def take(self, text: str | bytes) -> int:
        """Takes one message; returns how many failures in it were new.

        Raises:
            InvalidInputError: It is no outcomes message. Nothing of it was taken.
            PlatformError: A failure could not be written; the message must come again.
        """
        message = _checked(OutcomesMessage.from_dict(jsontext.loads(text, what="the outcomes message")))
        failures = [_error(message, outcome) for outcome in message.outcomes]
        new = sum(self._record(error) for error in failures if error is not None)
        # Only now: a message that failed above comes again as a whole.
        for outcome, error in zip(message.outcomes, failures, strict=True):
            self._add(message, outcome, error)
        return new

    def flush(self) -> None:
        """Writes statistics and logs.

        Raises:
            PlatformError: The table refused or did not answer; the whole batch must come again.
        """
        for (plugin_id, minute), activity in self._minutes.items():
            self._activity.add(plugin_id, minute, activity)
        for plugin_id, entries in self._logs.items():
            self._activity.write_log(plugin_id, sorted(entries, key=lambda entry: entry.at_ms))

    def _record(self, error: PluginError) -> bool:
        key = error.plugin_id, error.group_id
        if key not in self._decisions:
            # Once a batch: a decision that is made meanwhile holds from the next one on.
            known = self._errors.known(*key)
            self._decisions[key] = known.decision if known else Decision()
        decision = self._decisions[key]
        new = self._errors.record(error, ignored=decision.ignores(error.occurred_at_ms))

        def again(now: Decision) -> Decision:
            return happened_again(now, error.plugin_version, error.occurred_at_ms)

        # Also of a failure that was recorded before: whoever recorded it may have died before this.
        if again(decision) != decision and (changed := self._errors.decide(*key, again, None)):
            self._decisions[key] = changed[1].decision
        return new

    def _add(self, message: OutcomesMessage, outcome: Outcome, error: PluginError | None) -> None:
        minute = self._minutes[outcome.plugin_id, message.occurred_at_ms // 60_000]
        match outcome.outcome:
            case OutcomeClass.SUCCESS:
                minute.successes += 1
                minute.observe(number(outcome.duration_ms))
            case OutcomeClass.UNCOUNTED:
                minute.uncounted += 1
            case OutcomeClass.SKIPPED:
                minute.skipped += 1
                if why := lacking(outcome.reason):
                    minute.not_run += 1
                    minute.not_run_why = plain(why, 300)
            case OutcomeClass.FAILURE:
                pass  # counted with its record
        if outcome.init_ms > 0:
            minute.cold += 1
        self._logs[outcome.plugin_id].append(
            PluginExecutionLog(
                at_ms=message.occurred_at_ms,
                hook=message.hook,
                outcome=str(outcome.outcome),
                duration_ms=number(outcome.duration_ms),
                init_ms=number(outcome.init_ms),
                max_memory_mb=number(outcome.max_memory_mb),
                invocation_id=outcome.invocation_id,
                version=plain(outcome.plugin_version, 40),
                note=error.failure.type if error else plain(outcome.reason, 300),
                group_id=error.group_id if error else "",
            )
        )


def _checked(message: OutcomesMessage) -> OutcomesMessage:
    """Refuses what could make a key of another kind, or no time."""
    problem = ""
    if not _HOOK.fullmatch(message.hook):
        problem = f"the hook {message.hook[:100]!r} is no name"
    elif message.occurred_at_ms not in _AT_MS:
        problem = f"{message.occurred_at_ms} is no time of ours"
    for outcome in message.outcomes:
        if not _PLUGIN.fullmatch(outcome.plugin_id):
            problem = f"the plugin {outcome.plugin_id[:100]!r} is no id"
        elif not _INVOCATION.fullmatch(outcome.invocation_id):
            problem = f"the invocation {outcome.invocation_id[:100]!r} is no id"
    if problem:
        raise InvalidInputError(f"the outcomes message cannot be right: {problem}")
    return message


def _error(message: OutcomesMessage, outcome: Outcome) -> PluginError | None:
    if outcome.outcome is not OutcomeClass.FAILURE or outcome.failure is None:
        return None
    failure = bounded(outcome.failure)
    # The group belongs to one plugin: two plugins with one mistake are two pieces of news.
    return PluginError(
        invocation_id=outcome.invocation_id,
        event_id=plain(message.event_id, 100),
        group_id=group_id(failure, outcome.plugin_id),
        plugin_id=outcome.plugin_id,
        plugin_version=plain(outcome.plugin_version, 40),
        hook=message.hook,
        tenant=plain(message.tenant, 200),
        occurred_at_ms=message.occurred_at_ms,
        duration_ms=number(outcome.duration_ms),
        failure=failure,
        args=message.args,
        args_ref=plain(message.args_ref, 1000),
    )
