"""Who did what to a plugin, and why. Rows are never changed and never expire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from control_plane.table import keys
from control_plane.table.codec import Item
from control_plane.table.dynamo import Put, Table


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One action.

    Attributes:
        row_id: Makes two rows of one millisecond two.
        action: `approve`, `deploy-failed`, `enable`, `disable` …
        before: The state of the breaker or the error, where the action changed it; `after` likewise.
        about: What of the plugin, where it is not the plugin itself: an error's id.
        detail: What else was decided: what was granted and withheld.
    """

    plugin_id: str
    row_id: str
    at_ms: int
    action: str
    actor: str
    reason: str
    version: str = ""
    before: str = ""
    after: str = ""
    detail: str = ""
    about: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        raw = asdict(self)
        return {"plugin": raw.pop("plugin_id"), "id": raw.pop("row_id"), **raw}


def audit_put(row: AuditRow) -> Put:
    """The row as a write, for a transaction with what it is about."""
    item: Item = {
        **keys.audit(row.plugin_id, row.at_ms, row.row_id),
        "plugin_id": row.plugin_id,
        "row_id": row.row_id,
        "at_ms": row.at_ms,
        "action": row.action,
        "actor": row.actor,
        "reason": row.reason,
        "version": row.version,
        "before": row.before,
        "after": row.after,
        "detail": row.detail,
        "about": row.about,
    }
    return Put(item, only_new=True)


class AuditTable:
    """Reads audit rows.

    Args:
        table: The control plane's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def rows(self, plugin_id: str, *, since_ms: int = 0) -> Iterator[AuditRow]:
        """Newest first."""
        since = keys.time_text(since_ms) if since_ms else ""
        for item in self._table.query(
            keys.plugin(plugin_id), prefix=keys.AUDIT, since=since, newest_first=True, page_size=50
        ):
            yield _row(item)


def _row(item: Item) -> AuditRow:
    return AuditRow(
        plugin_id=item["plugin_id"],
        row_id=item["row_id"],
        at_ms=item["at_ms"],
        action=item["action"],
        actor=item.get("actor", ""),
        reason=item.get("reason", ""),
        version=item.get("version", ""),
        before=item.get("before", ""),
        after=item.get("after", ""),
        detail=item.get("detail", ""),
        about=item.get("about", ""),
    )
