"""Takes a plugin away: first no hook reaches it, then AWS has nothing of it, then the table says so.

Each part may be repeated, and the order is such that an interrupted one goes on when it is asked for again: until
the end the plugin is in the fleet, switched off. The audit stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from control_plane.operations.clock import Clock
from control_plane.operations.ports import Plan, Progress, Remover
from control_plane.operations.unknown import unknown_plugin
from control_plane.rules import breaker as rules
from control_plane.rules.text import one_line
from control_plane.table.audit import AuditRow
from control_plane.table.plugins import PluginRecord, Plugins, ReleaseRecord
from services_ai_sdk.wire.errors import PlatformError

REASON_MAX_CHARS = 500


@dataclass(frozen=True, slots=True)
class Uninstalled:
    """What came of it.

    Attributes:
        record: What was live; None where nothing was.
        done: False for a dry run.
    """

    plugin_id: str
    record: PluginRecord | None
    plan: Plan
    done: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "plugin": self.plugin_id,
            "version": self.record.version if self.record else None,
            "dry_run": not self.done,
            "plan": self.plan.to_dict(),
            "left": [] if self.done else None,
        }


@dataclass(frozen=True, slots=True)
class Uninstall:
    """Uninstalls plugins.

    Attributes:
        new_id: Makes ids of audit rows.
    """

    plugins: Plugins
    remover: Remover
    clock: Clock
    new_id: Callable[[], str]

    def uninstall(
        self, plugin_id: str, *, actor: str, reason: str = "", progress: Progress, dry_run: bool = False
    ) -> Uninstalled:
        """Removes a plugin, also one whose deploys all failed, or whose removal was interrupted.

        Raises:
            InvalidInputError: There never was one of this id.
            PlatformError: AWS refused, or still has something of it afterwards; `details["left"]` says what.
        """
        record = self.plugins.get(plugin_id)
        releases = list(self.plugins.releases(plugin_id))
        if record is None and not releases:
            raise unknown_plugin(plugin_id, [known.plugin_id for known in self.plugins.fleet()])
        layers = _layers(record, releases)
        plan = self.remover.plan_removal(plugin_id, layers)
        if dry_run:
            return Uninstalled(plugin_id, record, plan, done=False)

        def say(line: str) -> None:
            progress(f"{plugin_id}: {line}")

        said = one_line(reason or "uninstalled", REASON_MAX_CHARS)
        if record is not None:
            say("switching it off, and taking its hooks away")
            row = self._row(plugin_id, "uninstall", actor, said, record.version)
            now_s = self.clock.now_s()
            self.plugins.withdraw(record, row, lambda state: rules.disable(state, now_s, actor, said))
        self.remover.remove(plan, say)
        left = self.remover.plan_removal(plugin_id, layers).to_dict()["steps"]
        if left:
            names = ", ".join(step["target"] for step in left)
            raise PlatformError(
                f"{plugin_id} is not gone: AWS still lists {names}",
                code="uninstall-left",
                hint=f"run it again: services-ai-admin uninstall {plugin_id}",
                details={"left": left},
                retryable=True,
            )
        say("AWS lists nothing of it any more")
        self.plugins.forget(
            plugin_id,
            record,
            releases,
            self._row(plugin_id, "uninstalled", actor, said, record.version if record else ""),
        )
        return Uninstalled(plugin_id, record, plan, done=True)

    def _row(self, plugin_id: str, action: str, actor: str, reason: str, version: str) -> AuditRow:
        return AuditRow(plugin_id, self.new_id(), self.clock.now_ms(), action, actor, reason, version=version)


def _layers(record: PluginRecord | None, releases: list[ReleaseRecord]) -> set[str]:
    """Known from the table, too: a function that is gone no longer says what it used."""
    records = [record, *(release.deployed.record for release in releases if release.deployed)]
    return {arn for one in records if one is not None for arn in one.layer_arns}
