"""An admin switches a plugin on or off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from control_plane.operations.clock import Clock
from control_plane.operations.unknown import unknown_plugin
from control_plane.rules import breaker as rules
from control_plane.rules.breaker import BreakerState
from control_plane.rules.text import one_line
from control_plane.table.audit import AuditRow
from control_plane.table.breakers import Breakers
from control_plane.table.plugins import Plugins
from services_ai_sdk.wire.errors import InvalidInputError

REASON_MAX_CHARS = 500


@dataclass(frozen=True, slots=True)
class Switched:
    """What came of it.

    Attributes:
        changed: False when it was so already; no audit row then.
    """

    plugin_id: str
    before: BreakerState
    after: BreakerState

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.after is not self.before


class Switch:
    """Switches plugins on and off, with an audit row.

    Args:
        breakers: States.
        plugins: To name those that are there.
        clock: For times.
        new_id: Makes ids of audit rows.
    """

    def __init__(self, breakers: Breakers, plugins: Plugins, clock: Clock, new_id: Callable[[], str]) -> None:
        self._breakers = breakers
        self._plugins = plugins
        self._clock = clock
        self._new_id = new_id

    def enable(self, plugin_id: str, *, actor: str, reason: str) -> Switched:
        """On, with a clean record.

        Raises:
            InvalidInputError: There is no such plugin.
            PlatformError: The table refused or did not answer.
        """
        return self._change("enable", plugin_id, actor, reason or "enabled by hand", rules.enable)

    def disable(self, plugin_id: str, *, actor: str, reason: str) -> Switched:
        """Off, until somebody switches it on.

        Raises:
            InvalidInputError: There is no such plugin, or no reason.
            PlatformError: The table refused or did not answer.
        """
        if not reason.strip():
            raise InvalidInputError(
                "switching a plugin off needs a reason",
                code="reason-missing",
                hint=f'services-ai-admin disable {plugin_id} --reason "…"',
            )
        return self._change("disable", plugin_id, actor, reason, rules.disable)

    def _change(
        self,
        action: str,
        plugin_id: str,
        actor: str,
        reason: str,
        rule: Callable[[BreakerState, float, str, str], BreakerState],
    ) -> Switched:
        said = one_line(reason, REASON_MAX_CHARS)
        row = AuditRow(plugin_id, self._new_id(), self._clock.now_ms(), action, actor, said)
        now_s = self._clock.now_s()
        try:
            before, after = self._breakers.change(plugin_id, lambda state: rule(state, now_s, actor, said), row)
        except InvalidInputError as error:
            if error.code != "plugin-unknown":
                raise
            raise unknown_plugin(plugin_id, [known.plugin_id for known in self._plugins.fleet()]) from error
        return Switched(plugin_id, before, after)
