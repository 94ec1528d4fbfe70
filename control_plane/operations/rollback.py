"""Back to a version that was live before, with what it was granted then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from control_plane.operations.clock import Clock
from control_plane.operations.ports import Earlier, Plan, Progress, RollsBack
from control_plane.operations.unknown import unknown_plugin
from control_plane.rules import breaker as rules
from control_plane.rules.breaker import BreakerState
from control_plane.rules.settings import for_plugin
from control_plane.rules.text import one_line
from control_plane.table.audit import AuditRow
from control_plane.table.plugins import Deployed, PluginRecord, Plugins, ReleaseRecord
from control_plane.table.routes import Route
from control_plane.table.settings import StoredSettings
from services_ai_sdk.wire.errors import InvalidInputError

REASON_MAX_CHARS = 500


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What came of it.

    Attributes:
        before: What was live.
        after: What is; for a dry run, what would be.
        breaker: The plugin's breaker afterwards; None for a dry run.
    """

    before: PluginRecord
    after: PluginRecord
    plan: Plan
    breaker: BreakerState | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "plugin": self.after.plugin_id,
            "from": self.before.version,
            "version": self.after.version,
            "grants": self.after.grants.to_dict(),
            "dry_run": self.breaker is None,
            "plan": self.plan.to_dict(),
            "smoke": self.after.smoke if self.breaker else None,
            "state": str(self.breaker.state) if self.breaker else None,
        }


@dataclass(frozen=True, slots=True)
class Rollback:
    """Rolls plugins back.

    Attributes:
        new_id: Makes ids of audit rows.
        secrets_path: Of a plugin's secret settings, by its id.
    """

    plugins: Plugins
    deployer: RollsBack
    clock: Clock
    new_id: Callable[[], str]
    secrets_path: Callable[[str], str]

    def roll_back(
        self,
        plugin_id: str,
        *,
        version: str = "",
        actor: str,
        reason: str = "",
        progress: Progress,
        dry_run: bool = False,
    ) -> RolledBack:
        """Makes an earlier version live; that before the live one, where none is named.

        One that was interrupted goes on when it is asked for again: what is live is what the table says.

        Raises:
            InvalidInputError: There is no such plugin, nothing to roll back to, or it is no longer there.
            FindingsError: Its smoke call failed; nothing was moved.
            PlatformError: AWS refused.
        """
        live = self.plugins.get(plugin_id)
        if live is None:
            raise unknown_plugin(plugin_id, [known.plugin_id for known in self.plugins.fleet()])
        release, deployed = self._target(live, version)
        known = deployed.record
        plan = self.deployer.plan_rollback(
            Earlier(plugin_id, known.version, known.function_version, known.role_arn, known.grants.permissions)
        )
        if dry_run:
            return RolledBack(live, known, plan)
        smoke = self.deployer.roll_back(plan, lambda line: progress(f"{plugin_id}: {line}"))
        at_ms = self.clock.now_ms()
        record = replace(known, smoke=smoke or known.smoke, deployed_at_ms=at_ms, deployed_by=actor)
        said = one_line(reason or f"rolled back from {live.version} to {record.version}", REASON_MAX_CHARS)
        row = AuditRow(
            plugin_id,
            self.new_id(),
            at_ms,
            "rollback",
            actor,
            said,
            version=record.version,
            before=live.version,
            after=record.version,
        )
        state = self.plugins.deployed(
            record,
            lambda stored: self._routes(release, deployed, stored),
            replace(release, at_ms=at_ms, status="deployed", error="", failure=None),
            row,
            lambda state: rules.deploy(state, self.clock.now_s(), actor, said),
        )
        return RolledBack(live, record, plan, state)

    def _routes(self, release: ReleaseRecord, deployed: Deployed, stored: StoredSettings) -> list[Route]:
        """Those of then, with what is set now."""
        path = self.secrets_path(deployed.record.plugin_id)
        settings = for_plugin(release.manifest.get("settings", {}), stored.values, stored.secrets, path)
        return [replace(route, settings=settings) for route in deployed.routes]

    def _target(self, live: PluginRecord, version: str) -> tuple[ReleaseRecord, Deployed]:
        # Also of a release whose deploy was tried again and failed: it was live once.
        kept = [(one, one.deployed) for one in self.plugins.releases(live.plugin_id) if one.deployed is not None]
        others = [pair for pair in kept if pair[1].record.function_version != live.function_version]
        at = int(live.function_version)
        found = [
            pair
            for pair in others
            if (pair[0].version == version if version else int(pair[1].record.function_version) < at)
        ]
        if found:
            return max(found, key=lambda pair: int(pair[1].record.function_version))
        if version == live.version:
            raise InvalidInputError(f"{live.plugin_id} {version} is what is live", code="rollback-live")
        names = sorted({one.version for one, _ in others})
        wanted = f"{version} was never live" if version else f"nothing was live before {live.version}"
        raise InvalidInputError(
            f"{live.plugin_id} cannot be rolled back: {wanted}",
            code="rollback-nothing",
            hint=f"versions to go back to: {', '.join(names)}"
            if names
            else f"switch it off: services-ai-admin disable {live.plugin_id} --reason …;"
            f" or deploy another: services-ai-admin approve {live.plugin_id} --version …",
        )
