"""Items whose time is over are removed from tables with a time to live: within seconds here, within days in AWS.

Looked at in slices: no call waits for a slice longer than `SLICE_S`. A pass begins when something has changed or
the next item is due, so a local cloud that nobody uses looks at nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

GRACE_S = 1.0
"""An item is there for at least as long after its time: as in AWS, who must not see it has to filter."""

OLDEST_S = 5 * 365 * 24 * 3600
"""DynamoDB leaves items alone that expired longer ago: such a number is rather a mistake."""

LOOK_S = 1.0
SLICE_S = 0.002
PAUSE_S = 0.01
LOOKED_AT_ONCE = 32
"""Items between two looks at the clock."""

SHARE_MAX = 0.05
"""Of the process's time, however many items there are."""

IDENTITY = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


class Sweeper:
    """Removes expired items until the process ends.

    Args:
        tables: All tables that there are now.
        changed: Called after items were removed.
        clock: Unix time.
        monotonic: Measures slices.
        call_later: The event loop's.
    """

    def __init__(
        self,
        tables: Callable[[], Iterator[Any]],
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        call_later: Callable[[float, Callable[[], None]], object] | None = None,
    ) -> None:
        self._tables = tables
        self._changed = changed
        self._clock = clock
        self._monotonic = monotonic
        self._call_later = call_later or asyncio.get_running_loop().call_later
        self._stale = True
        self._due_s = 0.0
        self._pass: Iterator[int] | None = None
        self._used_s = 0.0

    def start(self) -> None:
        """From now on."""
        self._call_later(LOOK_S, self._step)

    def something_changed(self) -> None:
        """A pass has to look at everything again."""
        self._stale = True

    def _step(self) -> None:
        if self._pass is None:
            if not self._stale and self._clock() < self._due_s:
                self._call_later(LOOK_S, self._step)
                return
            self._stale, self._due_s, self._used_s = False, float("inf"), 0.0
            self._pass = self._everything()
        removed, ended = self._slice(self._pass)
        if removed:
            # Not something_changed: what was removed makes nothing else due.
            self._changed()
        if ended:
            self._pass = None
            self._call_later(max(LOOK_S, self._used_s / SHARE_MAX), self._step)
        else:
            self._call_later(PAUSE_S, self._step)

    def _slice(self, items: Iterator[int]) -> tuple[int, bool]:
        begun_s = self._monotonic()
        removed = 0
        try:
            for number, one in enumerate(items, 1):
                removed += one
                if (one or number % LOOKED_AT_ONCE == 0) and self._monotonic() - begun_s >= SLICE_S:
                    return removed, False
            return removed, True
        finally:
            self._used_s += self._monotonic() - begun_s

    def _everything(self) -> Iterator[int]:
        """For each item, how many were removed: one or none."""
        for table in self._tables():
            if table.ttl.get("TimeToLiveStatus") != "ENABLED":
                continue
            name = table.ttl["AttributeName"]
            for hash_key, place in list(table.items.items()):
                for range_key, item in list(place.items()) if table.has_range_key else ((None, place),):
                    yield self._look(table, name, hash_key, range_key, item)

    def _look(self, table: Any, name: str, hash_key: Any, range_key: Any, item: Any) -> int:
        end_s = _number(item.attrs.get(name))
        if end_s is None:
            return 0
        over_s = self._clock() - end_s
        if over_s < GRACE_S:
            self._due_s = min(self._due_s, end_s + GRACE_S)
            return 0
        # Between two slices it may have been written anew, or deleted.
        if over_s > OLDEST_S or table.get_item(hash_key, range_key) is not item:
            return 0
        table.delete_item(hash_key, range_key)
        if table.stream_shard is not None:
            table.stream_shard.items[-1].record["userIdentity"] = dict(IDENTITY)
        return 1


def all_tables() -> Iterator[Any]:
    """Every table of every account and region, as long as it is there."""
    from moto.dynamodb.models import dynamodb_backends

    backends: list[Any] = [backend for _, _, backend in dynamodb_backends.iter_backends()]
    for backend in backends:
        for name in list(backend.tables):
            table = backend.tables.get(name)
            if table is not None:
                yield table


def _number(value: Any) -> float | None:
    return float(value.value) if value is not None and value.type == "N" else None
