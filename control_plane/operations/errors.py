"""What went wrong: groups, and one of them with its latest failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from control_plane.table.errors import ErrorGroup, Errors, PluginError
from control_plane.table.plugins import Plugins
from services_ai_sdk.wire.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One group, or the one failure that was asked for, with the group's latest others."""

    group: ErrorGroup
    failures: tuple[PluginError, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**self.group.to_dict(), "failures": [failure_dict(error) for error in self.failures]}


def failure_dict(error: PluginError) -> dict[str, Any]:
    """Plain JSON."""
    return {
        "invocation_id": error.invocation_id,
        "event_id": error.event_id,
        "error": error.group_id,
        "plugin": error.plugin_id,
        "version": error.plugin_version,
        "hook": error.hook,
        "tenant": error.tenant,
        "at_ms": error.occurred_at_ms,
        "duration_ms": error.duration_ms,
        "failure": error.failure.to_dict(),
        "args": error.args,
        "args_ref": error.args_ref,
    }


class ErrorReader:
    """Reads failures.

    Args:
        errors: Failures and groups.
        plugins: For the fleet's.
    """

    def __init__(self, errors: Errors, plugins: Plugins) -> None:
        self._errors = errors
        self._plugins = plugins

    def groups(self, plugin_id: str | None = None) -> Sequence[ErrorGroup]:
        """Of one plugin or of all, latest first. A plugin that was taken away may still have some."""
        ids = [plugin_id] if plugin_id else [record.plugin_id for record in self._plugins.fleet()]
        found = [group for each in ids for group in self._errors.groups(each)]
        return sorted(found, key=lambda group: -group.last_at_ms)

    def detail(self, error_id: str, *, limit: int = 3) -> ErrorDetail:
        """By a group's id, or by an invocation's.

        Raises:
            InvalidInputError: Nothing of that id is kept.
        """
        asked = self._errors.by_invocation([error_id]) if error_id else []
        group_id = asked[0].group_id if asked else error_id
        group = self._errors.group(group_id) if group_id else None
        if group is None:
            raise InvalidInputError(
                f"there is no error {error_id[:100]!r}",
                code="error-unknown",
                hint="services-ai-admin errors lists the ids; failures are kept for 30 days",
            )
        if asked:
            return ErrorDetail(group, tuple(asked))
        return ErrorDetail(group, tuple(islice(self._errors.failures(group_id), limit)))
