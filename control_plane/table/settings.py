"""What admins set for a plugin. Of a secret setting only that it is set, and when: its value is never here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from control_plane.table import keys
from control_plane.table.dynamo import Table
from control_plane.table.expressions import Update
from services_ai_sdk.wire import jsontext


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """Of one plugin.

    Attributes:
        values: By name, of those that are not secret.
        secrets: By name, when each was set (Unix milliseconds).
        revision: Rises with each change; 0 before the first.
    """

    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, int] = field(default_factory=dict)
    revision: int = 0


def read_settings(table: Table, plugin_id: str) -> StoredSettings:
    """Strongly consistent."""
    item = table.get(keys.settings(plugin_id), consistent=True)
    if item is None:
        return StoredSettings()
    document = jsontext.loads(item.get("doc", "{}"), what="a plugin's settings")
    return StoredSettings(document.get("values", {}), document.get("secrets", {}), item["revision"])


def settings_write(plugin_id: str, found: StoredSettings, changed: StoredSettings) -> Update:
    """`changed` in place of `found`, if nobody was faster."""
    document = jsontext.dumps({"values": changed.values, "secrets": changed.secrets})
    write = Update(keys.settings(plugin_id)).set("doc", document).set("revision", found.revision + 1)
    return _as_found(write, found)


def settings_unchanged(plugin_id: str, found: StoredSettings) -> Update:
    """For the transaction of a deploy: its routes carry these settings, so they must still be those."""
    write = Update(keys.settings(plugin_id)).set("revision", found.revision)
    return _as_found(write, found)


def _as_found(write: Update, found: StoredSettings) -> Update:
    return write.if_equal("revision", found.revision) if found.revision else write.if_unset("revision")
