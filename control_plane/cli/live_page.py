"""What a local cloud does right now, on one page of a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from control_plane.rules.moments import span
from control_plane.rules.text import one_line

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

QUEUES_MAX = 6
FEEDS_MAX = 6
ERRORS_MIN = FUNCTIONS_MIN = 3
FUNCTION_IN_ERRORS_MAX = 24
_MADE_OF = 12
"""Lines that are always there: two each of head and foot, a title and a blank one of each of four blocks."""


class Rates:
    """Calls and errors a second, from two looks at their totals."""

    def __init__(self) -> None:
        self._at_s = 0.0
        self._totals: dict[str, tuple[int, int]] = {}

    def of(self, activity: dict[str, Any], now_s: float) -> dict[str, tuple[float, float]]:
        """By function, since the look before; nothing at the first one."""
        totals = {one["function"]: (one["calls"], one["errors"]) for one in activity["functions"]}
        passed_s = now_s - self._at_s if self._totals or self._at_s else 0.0
        before, self._totals, self._at_s = self._totals, totals, now_s
        if passed_s <= 0:
            return dict.fromkeys(totals, (0.0, 0.0))
        return {
            name: tuple((new - old) / passed_s for new, old in zip(both, before.get(name, (0, 0)), strict=True))
            for name, both in totals.items()
        }


def page(
    info: dict[str, Any],
    activity: dict[str, Any],
    rates: dict[str, tuple[float, float]],
    *,
    lines_max: int,
    now: datetime,
    ends: str,
    note: str = "",
) -> Group:
    """The page.

    Args:
        info: The local cloud, as `--json` has it.
        activity: What runs in it, as `--json` has it.
        rates: Calls and errors a second of each function.
        lines_max: The terminal's.
        now: For how long it has run.
        ends: What `q` does.
        note: The last thing that the local cloud said.
    """
    from rich.console import Group

    queues = _queues(activity["queues"])
    feeds = activity["pollers"][:FEEDS_MAX]
    left = lines_max - _MADE_OF - len(queues) - len(feeds)
    errors = activity["errors"]
    functions_max = max(FUNCTIONS_MIN, left - min(len(errors), max(ERRORS_MIN, left // 3)))
    functions = _functions(activity["functions"], rates, functions_max)
    errors_max = max(ERRORS_MIN, left - min(functions_max, len(activity["functions"])))
    blocks = [
        _head(info, activity, now),
        functions,
        _table(("queue", "waiting", "in flight", "delayed"), queues),
        _feeds(feeds),
        _errors(errors[:errors_max]),
        _foot(activity, ends, note),
    ]
    return Group(*(block for block in blocks if block is not None))


def _head(info: dict[str, Any], activity: dict[str, Any], now: datetime) -> Text:
    from rich.text import Text

    age_s = max(1, int((now - datetime.fromisoformat(info["started_at"])).total_seconds()))
    states = [worker["state"] for worker in activity["workers"]]
    words = (
        f"{info['endpoint']}   up {span(age_s)}   {_many(len(states), 'worker')}, {states.count('busy')} busy,"
        f" {activity['memory_mb']} MB"
    )
    return Text.assemble(("local cloud  ", "bold"), words, "\n", no_wrap=True, overflow="ellipsis")


def _functions(
    functions: list[dict[str, Any]], rates: dict[str, tuple[float, float]], rows_max: int
) -> Table | Text:
    from rich.text import Text

    if not functions:
        return Text("no function has been called yet\n", style="dim")
    busiest = sorted(functions, key=lambda one: (-one["calls_last_minute"], -one["calls"], one["function"]))
    rows = []
    for one in busiest[:rows_max]:
        calls, errors = rates.get(one["function"], (0.0, 0.0))
        rows.append(
            (
                Text(one_line(one["function"], 64)),
                _workers(one),
                _rate(calls),
                Text(_rate(errors), style="red" if errors else ""),
                _ms(one["p50_ms"]),
                _ms(one["p95_ms"]),
            )
        )
    title = "function" if len(busiest) <= rows_max else f"function ({len(busiest) - rows_max} more)"
    return _table((title, "idle busy start", "calls/s", "errors/s", "p50", "p95"), rows)  # type: ignore[return-value]


def _queues(queues: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Those that hold something, the fullest first."""
    held = [one for one in queues if one["waiting"] or one["in_flight"] or one["delayed"]]
    held.sort(key=lambda one: (-one["waiting"], one["queue"]))
    return [
        (one_line(one["queue"], 64), str(one["waiting"]), str(one["in_flight"]), str(one["delayed"]))
        for one in held[:QUEUES_MAX]
    ]


def _feeds(pollers: list[dict[str, Any]]) -> Table | None:
    """What feeds which function; troubles where there are any."""
    from rich.text import Text

    rows: list[tuple[Any, ...]] = []
    troubles = [_troubles(one) for one in pollers]
    troubled = any(troubles)
    for one, trouble in zip(pollers, troubles, strict=True):
        what = one_line(f"{short(one['source'])} → {short(one['function'])}", 100)
        rows.append((what, str(one["in_flight"]), *([Text(trouble, style="red")] if troubled else [])))
    return _table(("feeds", "in flight", *(["troubles"] if troubled else [])), rows)


def _troubles(poller: dict[str, Any]) -> str:
    if poller["refused"]:
        return one_line(poller["refused"], 200)
    return f"{poller['errors']}: {one_line(poller['last_error'], 200)}" if poller["errors"] else ""


def _errors(errors: list[dict[str, Any]]) -> Table | None:
    from rich.text import Text

    rows = []
    for one in errors:
        at = datetime.fromisoformat(one["at"]).astimezone(UTC).strftime("%H:%M:%S")
        name = Text(one_line(one["function"], FUNCTION_IN_ERRORS_MAX))
        rows.append((at, name, Text(what_went_wrong(one), style="red")))
    return _table(("errors (UTC)", "function", "what"), rows)


def _foot(activity: dict[str, Any], ends: str, note: str) -> Text:
    from rich.text import Text

    waiting = sum(one["waiting"] + one["again_later"] for one in activity["events"])
    events = f"{waiting} asynchronous calls wait · " if waiting else ""
    protections = activity["protections"]
    guards = "; ".join(protections) if protections else "none"
    text = Text(f"protected by: {guards}", style="dim", no_wrap=True, overflow="ellipsis")
    text.append(f"\n{events}q or Ctrl-C {ends}" + (f" · {one_line(note, 200)}" if note else ""))
    return text


def _table(titles: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table | None:
    """None without rows; of columns after the first, those with short titles hold figures."""
    from rich.table import Table

    if not rows:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    text = {"function", "what", "troubles"}
    longest = {"what", "troubles"} & set(titles) or {titles[0]}
    for index, title in enumerate(titles):
        wide = index == 0 or title in text
        stretch = 1 if title in longest else None
        table.add_column(
            title, justify="left" if wide else "right", no_wrap=True, overflow="ellipsis", ratio=stretch
        )
    for row in rows:
        table.add_row(*row)
    table.add_row()
    return table


def _workers(one: dict[str, Any]) -> str:
    return f"{one['idle']:>4} {one['busy']:>4} {one['starting']:>5}"


def _rate(per_s: float) -> str:
    return f"{per_s:.0f}" if per_s >= 10 else f"{per_s:.1f}" if per_s else "-"


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def what_went_wrong(error: dict[str, Any]) -> str:
    """Type and message on one line; of our own functions' errors, which are JSON, the message in it."""
    message: str = error["message"]
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and isinstance(found.get("message"), str):
        message = found["message"]
    kind = one_line(error["type"], 60)
    return f"{kind}: {one_line(message, 300)}" if kind else one_line(message, 300)


def short(arn: str) -> str:
    """The name in the ARN of a queue, a table's stream or a function."""
    return arn.split("/")[1] if "/" in arn else arn.rpartition(":")[2]
