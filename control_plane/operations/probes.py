"""The probes of a plugin that was switched off, as far as they failed: how many, when, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from control_plane.rules.breaker import BreakerState
from control_plane.rules.moments import iso, moment, span
from control_plane.rules.text import one_line
from control_plane.rules.wording import headline
from control_plane.table.errors import PluginError, place


@dataclass(frozen=True, slots=True)
class FailedProbes:
    """Those since the plugin was switched off.

    Attributes:
        at_s: When the last one failed; `invocation_id` is its call.
        error: What it failed with; None until the recorder has it.
    """

    count: int
    at_s: float
    invocation_id: str
    error: PluginError | None = None

    def sentence(self, now_s: float) -> str:
        """For people."""
        have = "1 probe has" if self.count == 1 else f"{self.count} probes have"
        last = "" if self.count == 1 else "the last one "
        said = f"{have} failed since, {last}at {moment(self.at_s)} ({span(now_s - self.at_s)} ago)"
        if self.error is None:
            return f"{said}."
        failure = self.error.failure
        where = place(failure)[0]
        text = one_line(headline(failure.type, failure.message), 200)
        return f"{said}: {text}{f' at {where}' if where else ''}."

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        error = self.error
        return {
            "count": self.count,
            "last_at": iso(self.at_s),
            "last_invocation_id": self.invocation_id,
            "last_error": {
                "error": error.group_id,
                "type": error.failure.type,
                "message": error.failure.message,
                "where": place(error.failure)[0],
            }
            if error
            else None,
        }


def failed_probes(breaker: BreakerState | None, error: PluginError | None) -> FailedProbes | None:
    """Of this breaker; None where no probe has failed.

    Args:
        breaker: As it is now.
        error: The record of the breaker's `probe_failed_id`, where there is one.
    """
    if breaker is None or not breaker.probes_failed:
        return None
    return FailedProbes(breaker.probes_failed, breaker.probe_failed_at_s, breaker.probe_failed_id, error)
