"""The execution log of one plugin."""

from __future__ import annotations

from collections.abc import Iterator

from control_plane.table.activity import ActivityTable, PluginExecutionLog


def entries(activity: ActivityTable, plugin_id: str) -> Iterator[PluginExecutionLog]:
    """Newest pack first; a call whose batch was recorded twice is shown once."""
    seen: set[str] = set()
    for entry in activity.log(plugin_id):
        if entry.invocation_id not in seen:
            seen.add(entry.invocation_id)
            yield entry
