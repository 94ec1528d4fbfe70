"""The execution log of one plugin."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from control_plane.operations.clock import Clock
from control_plane.table.activity import ActivityTable, PluginExecutionLog


def entries(activity: ActivityTable, plugin_id: str) -> Iterator[PluginExecutionLog]:
    """Newest pack first; a call whose batch was recorded twice is shown once."""
    seen: set[str] = set()
    for entry in activity.log(plugin_id):
        if entry.invocation_id not in seen:
            seen.add(entry.invocation_id)
            yield entry


FOLLOW_EVERY_S = 1.0
_LATE_S = 120
"""A pack is written under the time of its first call: one that the queue kept waiting comes this late at most."""


def followed(activity: ActivityTable, plugin_id: str, clock: Clock, *, limit: int) -> Iterator[PluginExecutionLog]:
    """The latest calls, oldest first, then each new one as it is recorded; never ends.

    A look costs one query of the packs of the last minutes.
    """
    first = list(islice(entries(activity, plugin_id), limit))
    since_ms = max([entry.at_ms for entry in first], default=clock.now_ms()) - _LATE_S * 1000
    # What is older than the latest that were asked for is not new, however late it is seen.
    seen = {entry.invocation_id: entry.at_ms for entry in activity.log(plugin_id, since_ms=since_ms)}
    yield from reversed(first)
    while True:
        clock.sleep(FOLLOW_EVERY_S)
        found = [entry for entry in activity.log(plugin_id, since_ms=since_ms) if entry.invocation_id not in seen]
        for entry in sorted(found, key=lambda entry: entry.at_ms):
            if entry.invocation_id not in seen:
                seen[entry.invocation_id] = entry.at_ms
                yield entry
        since_ms = max(since_ms, clock.now_ms() - 2 * _LATE_S * 1000)
        seen = {name: at_ms for name, at_ms in seen.items() if at_ms >= since_ms - _LATE_S * 1000}
