"""How a plugin is doing: statistics by the minute, and the execution log in packs."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from control_plane.rules import histogram
from control_plane.table import keys
from control_plane.table.codec import Item
from control_plane.table.dynamo import Put, Table
from control_plane.table.expressions import Update
from services_ai_sdk.wire import jsontext

_DAY_S = 86_400
LOG_KEPT_S = 7 * _DAY_S
MINUTE_KEPT_S = 3 * _DAY_S
PACK_MAX_ENTRIES = 500
_BUCKET = "b"


def bucket_attribute(index: int) -> str:
    """Attribute that counts one bucket of the histogram; indexes may be negative."""
    return f"{_BUCKET}{index}"


@dataclass(slots=True)
class Activity:
    """Counts of one plugin over some time; two of them add up.

    Attributes:
        ignored: Those of the failures whose error was being ignored.
        not_run: Those of the skipped ones that this machine could not run.
        not_run_why: What it lacks; empty once it has run a later one.
        cold: Calls that imported the plugin first.
        buckets: Durations of successes and failures by bucket of `rules.histogram`.
    """

    successes: int = 0
    failures: int = 0
    ignored: int = 0
    uncounted: int = 0
    skipped: int = 0
    not_run: int = 0
    not_run_why: str = ""
    cold: int = 0
    buckets: dict[int, int] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """Every call that was made, whatever came of it."""
        return self.successes + self.failures + self.uncounted

    @property
    def errors(self) -> int:
        """Failures that somebody wants to hear of."""
        return self.failures - self.ignored

    @property
    def error_rate(self) -> float:
        """`errors` of all calls that counted."""
        counted = self.successes + self.failures
        return self.errors / counted if counted else 0.0

    def observe(self, duration_ms: float) -> None:
        """Adds one duration."""
        index = histogram.bucket(duration_ms)
        self.buckets[index] = self.buckets.get(index, 0) + 1

    def merge(self, other: Activity) -> None:
        """Adds the counts of the same or a later time."""
        if other.not_run or other.successes or other.failures:
            self.not_run_why = "" if other.successes or other.failures else other.not_run_why
        self.successes += other.successes
        self.failures += other.failures
        self.ignored += other.ignored
        self.uncounted += other.uncounted
        self.skipped += other.skipped
        self.not_run += other.not_run
        self.cold += other.cold
        for index, count in other.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + count

    def quantile_ms(self, q: float) -> float | None:
        """Of the durations; None when there are none."""
        return histogram.quantile_ms(self.buckets, q)


@dataclass(frozen=True, slots=True)
class PluginExecutionLog:
    """One call of one plugin.

    Attributes:
        outcome: `success`, `failure`, `uncounted`, `skipped`.
        note: The failure's type, or why it was skipped or not counted.
        group_id: Of a failure.
    """

    at_ms: int
    hook: str
    outcome: str
    duration_ms: float
    init_ms: float
    max_memory_mb: float
    invocation_id: str
    version: str
    note: str = ""
    group_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the group's id is called what the commands call it."""
        raw = asdict(self)
        return {**raw, "error": raw.pop("group_id")}


class ActivityTable:
    """Reads and writes statistics and logs.

    Args:
        table: The control plane's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, plugin_id: str, at_minute: int, activity: Activity) -> None:
        """Adds to a minute; failures are added by `Errors.record`, once each, and must be 0 here."""
        if activity.failures or activity.ignored:
            raise ValueError("failures are counted with their records, never in a fold")
        update = Update(keys.minute(plugin_id, at_minute)).set("expires_at", at_minute * 60 + MINUTE_KEPT_S)
        counts = {
            "successes": activity.successes,
            "uncounted": activity.uncounted,
            "skipped": activity.skipped,
            "not_run": activity.not_run,
            "cold": activity.cold,
            **{bucket_attribute(index): count for index, count in activity.buckets.items()},
        }
        for name, count in counts.items():
            if count:
                update.add(name, count)
        if activity.not_run_why:
            update.set("not_run_why", activity.not_run_why)
        self._table.update(update)

    def since(self, plugin_id: str, first_minute: int) -> Activity:
        """Everything from a minute on."""
        total = Activity()
        for item in self._table.query(
            keys.plugin(plugin_id), prefix=keys.MINUTE, since=keys.minute_text(first_minute)
        ):
            total.merge(_activity(item))
        return total

    def write_log(self, plugin_id: str, entries: Sequence[PluginExecutionLog]) -> None:
        """Writes one batch in as few items as fit; the same batch again overwrites itself."""
        for start in range(0, len(entries), PACK_MAX_ENTRIES):
            pack = entries[start : start + PACK_MAX_ENTRIES]
            digest = hashlib.sha256(
                "".join(entry.invocation_id + entry.outcome for entry in pack).encode()
            ).hexdigest()
            rows = [list(asdict(entry).values()) for entry in pack]
            item: Item = {
                **keys.log(plugin_id, pack[0].at_ms, digest[:16]),
                "rows": zlib.compress(jsontext.dumps(rows).encode(), 6),
                "expires_at": pack[-1].at_ms // 1000 + LOG_KEPT_S,
            }
            self._table.put(Put(item))

    def has_log(self, plugin_id: str) -> bool:
        """Whether any call of it is recorded."""
        return next(self.log(plugin_id), None) is not None

    def log(self, plugin_id: str, *, since_ms: int = 0) -> Iterator[PluginExecutionLog]:
        """Newest pack first, and newest first in each; of packs that begin at `since_ms` or later."""
        since = keys.time_text(since_ms) if since_ms else ""
        for item in self._table.query(
            keys.plugin(plugin_id), prefix=keys.LOG, since=since, newest_first=True, page_size=20
        ):
            rows = jsontext.loads(zlib.decompress(item["rows"]), what="a pack of the log")
            for row in reversed(rows):
                yield PluginExecutionLog(*row)


def _activity(item: Item) -> Activity:
    return Activity(
        successes=item.get("successes", 0),
        failures=item.get("failures", 0),
        ignored=item.get("ignored", 0),
        uncounted=item.get("uncounted", 0),
        skipped=item.get("skipped", 0),
        not_run=item.get("not_run", 0),
        not_run_why=item.get("not_run_why", ""),
        cold=item.get("cold", 0),
        buckets={
            int(name.removeprefix(_BUCKET)): count
            for name, count in item.items()
            if name.startswith(_BUCKET) and name.removeprefix(_BUCKET).lstrip("-").isdigit()
        },
    )
