"""The live page as a terminal of some size shows it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from control_plane.cli.live_page import Rates, page, what_went_wrong

INFO = {"endpoint": "http://127.0.0.1:4599", "started_at": "2026-03-01T12:00:00+00:00"}
NOW = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)


def function(name: str, calls: int = 10, errors: int = 0) -> dict[str, Any]:
    return {
        "function": name, "idle": 1, "busy": 2, "starting": 0, "waiting_calls": 0,
        "calls": calls, "errors": errors,
        "calls_last_minute": calls, "errors_last_minute": errors, "p50_ms": 1.5, "p95_ms": 2300.0,
    }  # fmt: skip


def error(number: int, message: str = "no such lead") -> dict[str, Any]:
    at = f"2026-03-01T12:04:{number:02}.000+00:00"
    return {"at": at, "function": "f", "version": "1", "request_id": "i", "type": "KeyError", "message": message}


def activity(**more: Any) -> dict[str, Any]:
    return {
        "functions": [], "workers": [], "memory_mb": 0, "memory_max_mb": 1024, "queues": [], "pollers": [],
        "errors": [], "events": [],
        "protections": ["a sandbox", "limits"], **more,
    }  # fmt: skip


def shown(found: dict[str, Any], columns: int = 80, lines: int = 24, note: str = "") -> list[str]:
    console = Console(file=io.StringIO(), width=columns, height=lines, markup=False, highlight=False, emoji=False)
    rates = {one["function"]: (12.0, 0.5) for one in found["functions"]}
    console.print(page(INFO, found, rates, lines_max=lines, now=NOW, ends="ends it", note=note))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.rstrip().splitlines()]


FULL = activity(
    functions=[function(f"function-{number}" + "-x" * 30, 100 - number) for number in range(30)],
    workers=[{"state": "busy"}, {"state": "idle"}],
    memory_mb=321,
    queues=[{"queue": f"q{number}", "waiting": number, "in_flight": 1, "delayed": 0} for number in range(9)],
    pollers=[
        {"source": "arn:aws:sqs:r:1:q", "function": "arn:aws:lambda:r:1:function:f", "in_flight": 3, "errors": 2,
         "refused": "", "last_error": "ValueError: x"},
        {"source": "arn:aws:sqs:r:1:gone", "function": "arn:aws:lambda:r:1:function:g", "in_flight": 0,
         "errors": 0, "refused": "QueueDoesNotExist: no queue", "last_error": ""},
    ],
    errors=[error(number) for number in range(20)],
    events=[{"waiting": 2, "again_later": 1}],
)  # fmt: skip


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40), (60, 24), (200, 60)])
def test_it_fits_the_terminal_with_its_foot(columns: int, lines: int) -> None:
    text = shown(FULL, columns, max(lines, 24))
    assert max(map(len, text)) <= columns
    assert len(text) <= max(lines, 27)
    assert text[-1] == "3 asynchronous calls wait · q or Ctrl-C ends it"
    assert "protected by: a sandbox; limits" in text[-2]


def test_what_matters_is_there() -> None:
    text = "\n".join(shown(FULL, 120, 40))
    assert "up 5 min   2 workers, 1 busy, 321 MB" in text
    assert "1    2     0       12       0.5  1.5 ms  2.3 s" in text
    assert text.index("function-0") < text.index("function-1")
    assert "q8" in text
    assert "q0" not in text.replace("q → f", "")
    assert "q → f" in text
    assert "2: ValueError: x" in text
    assert "gone → g" in text
    assert "QueueDoesNotExist: no queue" in text
    assert "12:04:00      f         KeyError: no such lead" in text
    assert "more)" in text


def test_empty_queues_and_no_calls_are_said_shortly() -> None:
    text = shown(activity(queues=[{"queue": "q", "waiting": 0, "in_flight": 0, "delayed": 0}]))
    assert "no function has been called yet" in text
    assert not [line for line in text if line.startswith(("queue", "feeds", "errors"))]


def test_what_functions_say_moves_no_cursor() -> None:
    evil = "\x1b[2J\x1b]0;t\x07\u202e[bold]x\nsecond"
    found = activity(functions=[function("f\x1b[31m")], errors=[error(1, evil)], pollers=FULL["pollers"])
    text = "\n".join(shown(found, note=evil))
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "[bold]x" in text


def test_rates_come_from_two_looks() -> None:
    rates = Rates()
    assert rates.of(activity(functions=[function("f", 100, 5)]), 10.0) == {"f": (0.0, 0.0)}
    found = activity(functions=[function("f", 140, 7), function("g", 6)])
    assert rates.of(found, 12.0) == {"f": (20.0, 1.0), "g": (3.0, 0.0)}


@pytest.mark.parametrize(
    ("message", "shown_as"),
    [
        ("'WS'", "KeyError: 'WS'"),
        ('{"v":1,"type":"KeyError","message":"\'WS\' \\u001b[2J"}', "KeyError: 'WS'"),
        ('{"v":1,"type":"Key', 'KeyError: {"v":1,"type":"Key'),
        ('{"message": 5}', 'KeyError: {"message": 5}'),
        ("[" * 2000, "KeyError: " + "[" * 299 + "…"),
    ],
)
def test_an_error_of_our_own_functions_is_read(message: str, shown_as: str) -> None:
    assert what_went_wrong(error(1, message)) == shown_as
