from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane.operations import logs
from control_plane.operations.record import Fold
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import World

AT_MS = 1_772_000_000_000


def outcome(kind: str = "success", number: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "invocation_id": f"{number:08x}",
        "plugin": {"id": "alpha", "version": "1.0.0"},
        "epoch": 1,
        "outcome": kind,
        "duration_ms": 12.5,
        **fields,
    }


def message(*outcomes: dict[str, Any], **fields: Any) -> str:
    return json.dumps(
        {
            "v": 1, "event_id": "e", "hook": "lead_created", "mode": "sync", "tenant": "t1",
            "occurred_at_ms": AT_MS, "outcomes": list(outcomes), "args": None, **fields,
        }
    )  # fmt: skip


def failure(kind: str = "KeyError", text: str = "'BR'", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "message": text, "category": "runtime_error", "frames": [], **fields}


def test_a_batch_becomes_statistics_log_and_groups(world: World) -> None:
    fold = Fold(world.errors, world.activity)
    for number in range(20):
        fold.take(message(outcome(number=number, duration_ms=10.0, init_ms=80.0 if number == 0 else 0.0)))
    fold.take(message(outcome("failure", 100, failure=failure()), args={"lead": {"id": 7}}))
    fold.take(message(outcome("uncounted", 101, reason="TooManyRequestsException")))
    fold.take(message(outcome("skipped", 102, reason="auto_disabled")))
    fold.flush()
    total = world.activity.since("alpha", AT_MS // 60_000)
    assert (total.calls, total.successes, total.failures, total.uncounted, total.skipped, total.cold) == (
        22, 20, 1, 1, 1, 1,
    )  # fmt: skip
    assert total.quantile_ms(0.5) == pytest.approx(10.0, rel=0.02)
    entries = list(logs.entries(world.activity, "alpha"))
    assert len(entries) == 23
    assert {entry.note for entry in entries} == {"", "KeyError", "TooManyRequestsException", "auto_disabled"}
    (group,) = world.errors.groups("alpha")
    assert (group.count, group.type, group.decision.state) == (1, "KeyError", "open")
    (error,) = world.errors.failures(group.group_id)
    assert error.args == {"lead": {"id": 7}}
    assert world.errors.group(group.group_id) == group


def test_the_same_outcome_ten_times_counts_once(world: World) -> None:
    for _ in range(10):
        fold = Fold(world.errors, world.activity)
        fold.take(message(outcome("failure", 1, failure=failure())))
        fold.flush()
    (group,) = world.errors.groups("alpha")
    assert group.count == 1
    assert world.activity.since("alpha", 0).failures == 1
    assert len(list(logs.entries(world.activity, "alpha"))) == 1


def test_a_call_that_comes_again_in_another_batch_is_shown_once(world: World) -> None:
    for numbers in ((1, 2), (2, 3)):
        fold = Fold(world.errors, world.activity)
        for number in numbers:
            fold.take(message(outcome(number=number)))
        fold.flush()
    shown = [entry.invocation_id for entry in logs.entries(world.activity, "alpha")]
    assert sorted(shown) == ["00000001", "00000002", "00000003"]


def test_a_message_that_fails_half_way_comes_again_whole(world: World) -> None:
    text = message(outcome("failure", 1, failure=failure()), outcome(number=2))
    fold = Fold(world.errors, world.activity)
    world.client.down = True
    with pytest.raises(PlatformError):
        fold.take(text)
    world.client.down = False
    fold.flush()
    assert world.activity.since("alpha", 0).calls == 0
    fold.take(text)
    fold.flush()
    assert (world.activity.since("alpha", 0).failures, world.activity.since("alpha", 0).successes) == (1, 1)


def test_same_news_is_one_group_other_news_another(world: World) -> None:
    fold = Fold(world.errors, world.activity)
    texts = ["lead 17 not found at 0x7f3a", "lead 18 not found at 0x7f3b", "no such lead"]
    for number, text in enumerate(texts):
        fold.take(message(outcome("failure", number, failure=failure("LookupError", text))))
    assert sorted(group.count for group in world.errors.groups("alpha")) == [1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "null",
        "{}",
        message(outcome("exploded")),
        message(outcome("failure")),
        message(outcome(plugin={"id": "../x", "version": "1"})),
        message(outcome(plugin={"id": "a" * 41, "version": "1"})),
        message(outcome(plugin={"id": "alpha#RECORD", "version": "1"})),
        message(outcome(invocation_id="x#y")),
        message(outcome(), hook="BREAKER#1"),
        message(outcome(), occurred_at_ms=-5),
        message(outcome(), occurred_at_ms=10**40),
        message(outcome(), v=99),
        message(outcome(duration_ms="slow")),
        '{"v":1,"hook":"lead_created","occurred_at_ms":NaN}',
        "[" * 100_000,
    ],
)
def test_what_is_no_outcomes_message_is_refused_and_nothing_is_taken(world: World, text: str) -> None:
    fold = Fold(world.errors, world.activity)
    with pytest.raises(InvalidInputError):
        fold.take(text)
    world.client.calls.clear()
    fold.flush()
    assert world.client.calls == []


@pytest.mark.parametrize(
    "bad",
    [
        failure(text="x" * 1_000_000),
        failure(text="\ud800\x00\x1b[31mred\x1b[0m<script>\u202e"),
        failure(kind="\ud800" * 1000),
        failure(
            frames=[
                {
                    "file": "m.py" * 500,
                    "line": number,
                    "function": "f" * 500,
                    "in_app": True,
                    "source": [[number, "é" * 400]] * 5,
                }
                for number in range(400)
            ]
        ),
        failure(frames=[{"file": "", "line": 10**30, "function": "", "source": [[-(10**30), ""]]}]),
        failure(category="no such category"),
    ],
)
def test_hostile_failures_are_kept_small_and_clean(world: World, bad: dict[str, Any]) -> None:
    fold = Fold(world.errors, world.activity)
    assert fold.take(message(outcome("failure", 1, failure=bad))) == 1
    fold.flush()
    (group,) = world.errors.groups("alpha")
    (error,) = world.errors.failures(group.group_id)
    text = json.dumps(error.failure.to_dict(), ensure_ascii=False)
    assert len(text.encode()) <= 32 * 1024
    assert "\x1b" not in error.failure.message
    assert "\x00" not in error.failure.message
    assert "\u202e" not in error.failure.message


@pytest.mark.parametrize("duration_ms", [-5, -0.0, 1e308, 0, 10**20])
def test_durations_that_cannot_be_are_brought_within_reason(world: World, duration_ms: float) -> None:
    fold = Fold(world.errors, world.activity)
    fold.take(message(outcome(duration_ms=duration_ms, init_ms=duration_ms, max_memory_mb=duration_ms)))
    fold.take(message(outcome("failure", 1, failure=failure(), duration_ms=duration_ms)))
    fold.flush()
    assert world.activity.since("alpha", 0).calls == 2
    assert all(0 <= entry.duration_ms <= 1e9 for entry in logs.entries(world.activity, "alpha"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    field=st.sampled_from(["event_id", "hook", "tenant", "occurred_at_ms", "outcomes", "args", "args_ref"]),
)
def test_any_field_of_any_type_is_taken_or_refused(world: World, raw: Any, field: str) -> None:
    fold = Fold(world.errors, world.activity)
    try:
        fold.take(message(outcome(), **{field: raw}))
    except InvalidInputError:
        return
    fold.flush()


def test_a_large_batch_is_packed(world: World) -> None:
    fold = Fold(world.errors, world.activity)
    for number in range(1200):
        fold.take(message(outcome(number=number)))
    world.client.calls.clear()
    fold.flush()
    assert world.client.calls == ["update_item", "put_item", "put_item", "put_item"]
    assert len(list(logs.entries(world.activity, "alpha"))) == 1200


def test_from_dispatch_to_what_an_admin_reads(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    world.deploy("beta", returns(1))
    for _ in range(6):
        world.fire()
    world.record()
    rows = world.fleet.all()
    assert [(row.plugin_id, row.state) for row in rows] == [("alpha", "auto_disabled"), ("beta", "enabled")]
    alpha = rows[0].to_dict()
    assert alpha["last_hour"] | {"p50_ms": 0, "p95_ms": 0} == {
        "calls": 5, "successes": 0, "failures": 5, "ignored": 0, "uncounted": 0, "skipped": 1, "cold": 0,
        "error_rate": 1.0, "p50_ms": 0, "p95_ms": 0,
    }  # fmt: skip
    assert alpha["last_error"]["where"] == "main.py:31 in route"
    explained = world.why.explain("alpha")
    assert len(explained.failures) == 5
    text = " ".join(explained.sentences)
    assert "5 failures in a row on lead_created" in text
    assert "all the same error" in text
    assert "next probe" in text
    detail = world.error_reader.detail(alpha["last_error"]["error"])
    assert detail.group.count == 5
    one = world.error_reader.detail(explained.failures[0].invocation_id)
    assert [error.invocation_id for error in one.failures] == [explained.failures[0].invocation_id]
    with pytest.raises(InvalidInputError):
        world.error_reader.detail("no such id")


def test_failures_that_are_counted_and_not_recorded_yet_are_told(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    world.deploy("beta", returns(1))
    for _ in range(2):
        world.fire()
    sentence = "Of the 2 failures that its breaker counts, 2 have no record yet: records follow some seconds"
    assert world.unrecorded.sentences(["alpha", "beta"])["alpha"].startswith(sentence)
    assert any(said.startswith(sentence) for said in world.why.explain("alpha").sentences)
    world.record()
    assert world.unrecorded.sentences(["alpha", "beta"]) == {}
    world.fire()
    said = world.unrecorded.sentences(["alpha"])["alpha"]
    assert said.startswith("Of the 3 failures that its breaker counts, 1 has no record yet")


def test_records_that_never_came_are_not_said_to_be_on_their_way(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(6):
        world.fire()
    assert "no record yet" in world.unrecorded.sentences(["alpha"])["alpha"]
    world.clock.now += 3600
    assert "no record after 1 h: look at the dead letters" in world.unrecorded.sentences(["alpha"])["alpha"]
    world.clock.now += 40 * 86_400
    assert world.unrecorded.sentences(["alpha"]) == {}, "records are kept for 30 days"


def test_a_group_shows_the_latest_failure_not_the_first(world: World) -> None:
    world.deploy("alpha", raises("ValueError", "no route for 17"))
    world.fire()
    world.clock.now += 60
    world.script("alpha", raises("ValueError", "no route for 42", line=35))
    world.fire()
    world.record()
    (group,) = world.errors.groups("alpha")
    assert (group.count, group.message, group.where) == (2, "no route for 42", "main.py:35 in route")
    assert group.last_at_ms - group.first_at_ms == 60_000
