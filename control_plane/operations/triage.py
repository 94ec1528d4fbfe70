"""What people decide about an error: resolved in a version, ignored, open again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from control_plane.operations.clock import Clock
from control_plane.operations.errors import ErrorReader
from control_plane.rules import triage as rules
from control_plane.rules.text import one_line
from control_plane.rules.triage import Decision
from control_plane.table.audit import AuditRow
from control_plane.table.errors import ErrorGroup, Errors
from control_plane.table.plugins import Plugins
from services_ai_sdk.wire.errors import InvalidInputError

REASON_MAX_CHARS = 500


@dataclass(frozen=True, slots=True)
class Triaged:
    """What came of it; `changed` is False where it stood so already, and no audit row was written."""

    before: ErrorGroup
    after: ErrorGroup

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.after.decision != self.before.decision

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            **self.after.to_dict(),
            "before": str(self.before.decision.state),
            "changed": self.changed,
        }


class Triage:
    """Writes decisions, with an audit row each.

    Args:
        errors: Groups.
        plugins: For the version that is live.
        clock: For times.
        new_id: Makes ids of audit rows.
    """

    def __init__(self, errors: Errors, plugins: Plugins, clock: Clock, new_id: Callable[[], str]) -> None:
        self._errors = errors
        self._reader = ErrorReader(errors, plugins)
        self._plugins = plugins
        self._clock = clock
        self._new_id = new_id

    def resolve(self, error_id: str, *, version: str = "", actor: str, reason: str) -> Triaged:
        """Resolved in a version, else in what is live; a failure in that or a later one is a regression.

        Raises:
            InvalidInputError: There is no such error.
            PlatformError: The table refused or did not answer.
        """
        group = self._find(error_id)
        live = self._plugins.get(group.plugin_id)
        known = version or (live.version if live else group.last_version)
        return self._decide(
            "resolve", group, actor, reason, known, lambda now, at, why: rules.resolve(now, known, at, actor, why)
        )

    def ignore(self, error_id: str, *, until_ms: int = 0, actor: str, reason: str) -> Triaged:
        """Neither alerts nor counts as an error of the fleet, until a time; 0 is for ever.

        Raises:
            InvalidInputError: There is no such error, no reason, or the time is over.
            PlatformError: The table refused or did not answer.
        """
        if not reason.strip():
            raise InvalidInputError(
                "ignoring an error needs a reason",
                code="reason-missing",
                hint=f'services-ai-admin ignore {error_id[:40]} --reason "…"',
            )
        if until_ms and until_ms <= self._clock.now_ms():
            raise InvalidInputError(
                "the time until which it should be ignored is over",
                code="time-over",
                hint="name a later one, or a span: --for 7d",
            )
        group = self._find(error_id)
        return self._decide(
            "ignore", group, actor, reason, "", lambda now, at, why: rules.ignore(now, until_ms, at, actor, why)
        )

    def reopen(self, error_id: str, *, actor: str, reason: str) -> Triaged:
        """Open, as if nobody had decided anything.

        Raises:
            InvalidInputError: There is no such error.
            PlatformError: The table refused or did not answer.
        """
        return self._decide(
            "reopen",
            self._find(error_id),
            actor,
            reason,
            "",
            lambda now, at, why: rules.reopen(now, at, actor, why),
        )

    def _find(self, error_id: str) -> ErrorGroup:
        return self._reader.detail(error_id, limit=1).group

    def _decide(
        self,
        action: str,
        group: ErrorGroup,
        actor: str,
        reason: str,
        version: str,
        rule: Callable[[Decision, int, str], Decision],
    ) -> Triaged:
        said, at_ms = one_line(reason, REASON_MAX_CHARS), self._clock.now_ms()
        row = AuditRow(
            group.plugin_id, self._new_id(), at_ms, action, actor, said, version=version, about=group.group_id
        )
        found = self._errors.decide(group.plugin_id, group.group_id, lambda now: rule(now, at_ms, said), row)
        # It was there when it was looked for, and its time may have come between.
        before, after = found or (group, group)
        return Triaged(before, after)
