"""An admin reads and changes a plugin's settings. A secret goes to the secret store, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from control_plane.operations.clock import Clock
from control_plane.operations.unknown import unknown_plugin
from control_plane.rules.settings import fits, for_plugin, secret_name, typed
from control_plane.table.audit import AuditRow
from control_plane.table.plugins import PluginRecord, Plugins
from control_plane.table.settings import StoredSettings
from services_ai_sdk.wire.errors import InvalidInputError


class SecretStore(Protocol):
    """Keeps the values of secret settings."""

    def put(self, name: str, value: str, plugin_id: str) -> None:
        """Makes the secret, or gives it a new value.

        Raises:
            PlatformError: The store refused.
        """
        ...

    def delete(self, name: str) -> None:
        """Takes it away; one that is not there is no error."""
        ...


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One setting as an admin sees it.

    Attributes:
        source: `set`, `default`, `unset`, or `misfit` for a value of an earlier version that is not of its type.
        value: Of a secret always None.
        set_at_ms: Of a secret that is set.
    """

    name: str
    declared: Mapping[str, Any]
    source: str
    value: Any = None
    set_at_ms: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        known = {key: self.declared.get(key) for key in ("type", "label", "description", "default")}
        return {
            "name": self.name,
            **known,
            "options": list(self.declared.get("options") or ()),
            "required": bool(self.declared.get("required")),
            "secret": bool(self.declared.get("secret")),
            "source": self.source,
            "value": self.value,
            "set_at_ms": self.set_at_ms,
        }


class SettingsDesk:
    """Settings of plugins that are live.

    Args:
        plugins: Records, and what is set.
        secrets: Where secret values go.
        secrets_path: Of a plugin's secret settings, by its id.
        clock: For times.
        new_id: Makes ids of audit rows.
    """

    def __init__(
        self,
        plugins: Plugins,
        secrets: SecretStore,
        secrets_path: Callable[[str], str],
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._plugins = plugins
        self._secrets = secrets
        self._path = secrets_path
        self._clock = clock
        self._new_id = new_id

    def all(self, plugin_id: str) -> list[ShownSetting]:
        """In the manifest's order.

        Raises:
            InvalidInputError: There is no such plugin.
        """
        _, declared = self._live(plugin_id)
        stored = self._plugins.settings(plugin_id)
        return [_shown(name, setting, stored) for name, setting in declared.items()]

    def set(self, plugin_id: str, name: str, text: str, *, actor: str) -> ShownSetting:
        """Sets one; a new version of the plugin keeps it.

        Raises:
            InvalidInputError: No such plugin or setting, or not of its type.
            PlatformError: The table or the secret store refused.
        """
        setting = self.declared(plugin_id, name)
        value = typed(name, setting, text)
        if setting.get("secret"):
            # The store first: what the table says is set is there.
            self._secrets.put(f"{self._path(plugin_id)}{secret_name(name)}", str(value), plugin_id)
        at_ms = self._clock.now_ms()

        def change(stored: StoredSettings) -> StoredSettings:
            if setting.get("secret"):
                return replace(stored, secrets={**stored.secrets, name: at_ms})
            return replace(stored, values={**stored.values, name: value})

        return self._changed(plugin_id, name, "set-setting", actor, change)

    def unset(self, plugin_id: str, name: str, *, actor: str) -> ShownSetting:
        """Back to its default, or to none.

        Raises:
            InvalidInputError: No such plugin or setting.
            PlatformError: The table or the secret store refused.
        """
        setting = self.declared(plugin_id, name)

        def change(stored: StoredSettings) -> StoredSettings:
            return replace(
                stored,
                values={key: value for key, value in stored.values.items() if key != name},
                secrets={key: at_ms for key, at_ms in stored.secrets.items() if key != name},
            )

        shown = self._changed(plugin_id, name, "unset-setting", actor, change)
        if setting.get("secret"):
            # The table first: nothing is named that is not there.
            self._secrets.delete(f"{self._path(plugin_id)}{secret_name(name)}")
        return shown

    def declared(self, plugin_id: str, name: str) -> Mapping[str, Any]:
        """One setting as the live version's manifest has it.

        Raises:
            InvalidInputError: No such plugin or setting.
        """
        record, declared = self._live(plugin_id)
        if name not in declared:
            raise InvalidInputError(
                f"{plugin_id} {record.version} has no setting {name[:100]!r}",
                code="setting-unknown",
                hint=f"it has {', '.join(declared) or 'none'}",
            )
        return declared[name]

    def _live(self, plugin_id: str) -> tuple[PluginRecord, Mapping[str, Mapping[str, Any]]]:
        record = self._plugins.get(plugin_id)
        if record is None:
            raise unknown_plugin(plugin_id, [known.plugin_id for known in self._plugins.fleet()])
        return record, self._plugins.manifest_of(record).get("settings", {})

    def _changed(
        self,
        plugin_id: str,
        name: str,
        action: str,
        actor: str,
        change: Callable[[StoredSettings], StoredSettings],
    ) -> ShownSetting:
        path = self._path(plugin_id)

        def on_routes(manifest: Mapping[str, Any], stored: StoredSettings) -> dict[str, Any]:
            return for_plugin(manifest.get("settings", {}), stored.values, stored.secrets, path)

        row = AuditRow(plugin_id, self._new_id(), self._clock.now_ms(), action, actor, "", detail=name)
        stored = self._plugins.change_settings(plugin_id, change, on_routes, row)
        return _shown(name, self.declared(plugin_id, name), stored)


def _shown(name: str, setting: Mapping[str, Any], stored: StoredSettings) -> ShownSetting:
    if setting.get("secret"):
        at_ms = stored.secrets.get(name)
        return ShownSetting(name, setting, "unset" if at_ms is None else "set", set_at_ms=at_ms)
    if name in stored.values and fits(setting, stored.values[name]):
        return ShownSetting(name, setting, "set", stored.values[name])
    source = "misfit" if name in stored.values else "unset" if setting.get("default") is None else "default"
    return ShownSetting(name, setting, source, setting.get("default"))
