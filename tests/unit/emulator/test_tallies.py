from __future__ import annotations

import json
from typing import Any

import pytest

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.spec import Artifact, FunctionSpec
from services_ai_sdk.emulator.tallies import ERRORS_KEPT, Tallies


def spec(name: str) -> FunctionSpec:
    nothing = Artifact("0", None)  # type: ignore[arg-type]
    return FunctionSpec(name, "arn", "1", "r", "h", "python3.11", 1, 128, {}, nothing, (), "g", "role")


class Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def call(self, tallies: Tallies, name: str, duration_ms: float, error: Any = None) -> None:
        told: list[InvokeAnswer] = []
        ended = tallies.counted(spec(name), told.append)
        self.s += duration_ms / 1000
        payload = b"null" if error is None else error if isinstance(error, bytes) else json.dumps(error).encode()
        answer = InvokeAnswer(payload, None if error is None else "Unhandled", "3", 7, "id")
        ended(answer)
        assert told == [answer]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tallies(clock: Clock) -> Tallies:
    return Tallies(lambda: clock.s, lambda: int(clock.s * 1000))


def test_calls_errors_and_percentiles_of_the_last_minute(clock: Clock, tallies: Tallies) -> None:
    for _ in range(90):
        clock.call(tallies, "f", 1.1)
    for _ in range(10):
        clock.call(tallies, "f", 200, {"errorMessage": "x"})
    clock.call(tallies, "g", 3)
    found = tallies.functions()
    assert (found["f"]["calls"], found["f"]["errors"]) == (100, 10)
    assert (found["f"]["calls_last_minute"], found["f"]["errors_last_minute"]) == (100, 10)
    assert 1.1 <= found["f"]["p50_ms"] <= 1.1 * 1.21
    assert 200 <= found["f"]["p95_ms"] <= 200 * 1.2
    assert found["g"]["calls"] == 1
    clock.s += 61
    clock.call(tallies, "f", 50)
    found = tallies.functions()
    assert (found["f"]["calls"], found["f"]["calls_last_minute"], found["f"]["errors_last_minute"]) == (101, 1, 0)
    assert (found["g"]["calls_last_minute"], found["g"]["p50_ms"]) == (0, None)


@pytest.mark.parametrize("duration_ms", [0.0, 0.01, 0.0625, 0.1, 1, 7.9, 8, 1000, 900_000, 1e9])
def test_a_percentile_is_at_most_a_fifth_too_long(clock: Clock, tallies: Tallies, duration_ms: float) -> None:
    clock.s = 0.0
    clock.call(tallies, "f", duration_ms)
    found = tallies.functions()["f"]["p50_ms"]
    assert found <= max(duration_ms, 1 / 16) * 1.2
    assert found >= duration_ms - 0.01 or duration_ms > 900_000


def test_the_last_errors_are_newest_first_and_told_in_one_line(clock: Clock, tallies: Tallies) -> None:
    for number in range(ERRORS_KEPT + 5):
        clock.call(tallies, "f", 1000, {"errorType": "KeyError", "errorMessage": f"{number}\nmore"})
    errors = tallies.errors()
    assert [one["message"] for one in errors[:2]] == ["24", "23"]
    assert len(errors) == ERRORS_KEPT
    assert errors[0] == {
        "at": "1970-01-01T00:17:05.000+00:00", "function": "f", "version": "3", "request_id": "id",
        "type": "KeyError", "message": "24",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", ""),
        (b"[1]", "[1]"),
        (b"\xff\n\x00", "\ufffd"),
        (b"[" * 3000, "[" * 2000),
        (json.dumps({"errorMessage": "y" * 70_000}).encode(), '{"errorMessage": "' + "y" * 1982),
        (b'{"errorMessage": {"a": 1}, "errorType": 5}', "{'a': 1}"),
    ],
)
def test_payloads_that_are_no_error_s(clock: Clock, tallies: Tallies, payload: bytes, message: str) -> None:
    clock.call(tallies, "f", 1, payload)
    assert tallies.errors()[0]["message"] == message
