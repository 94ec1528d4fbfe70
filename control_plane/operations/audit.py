"""Who did what, to one plugin or to all."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

from control_plane.table.audit import AuditRow, AuditTable
from control_plane.table.plugins import Plugins


class AuditReader:
    """Reads audit rows.

    Args:
        audit: The rows.
        plugins: For the fleet's.
    """

    def __init__(self, audit: AuditTable, plugins: Plugins) -> None:
        self._audit = audit
        self._plugins = plugins

    def rows(self, plugin_id: str | None = None, *, since_ms: int = 0) -> Iterator[AuditRow]:
        """Newest first, read as far as the caller goes; of the plugins that are deployed where none is named."""
        ids = [plugin_id] if plugin_id else [record.plugin_id for record in self._plugins.fleet()]
        each = [self._audit.rows(one, since_ms=since_ms) for one in ids]
        return merge(*each, key=lambda row: row.at_ms, reverse=True)
