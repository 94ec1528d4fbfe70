"""Real handlers while AWS throttles, refuses or falls silent, or their process ends: nothing told is lost."""

from __future__ import annotations

import random
from typing import Any

import pytest

from control_plane.aws_clients import client
from control_plane.operations.clock import Clock
from control_plane.table.breakers import Breakers
from control_plane.table.dynamo import Table
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import SAMPLE, TABLE
from tests.functional.functions.test_handlers import CONTEXT, Load, Platform, load, platform

__all__ = ["load", "platform"]
from tests.functional.functions.transport import Killed, Transport, answer_lost, refused

REQUEST = {"v": 1, "hook": "lead_created", "args": SAMPLE}
ANSWERS_LOST = "before-send.dynamodb."


@pytest.fixture
def transport(platform: Platform) -> Transport:
    return Transport()


def failures_sent(platform: Platform, count: int) -> list[dict[str, Any]]:
    """So many failures of `alpha` and successes of `beta`, as records for the recorder."""
    world = platform.world
    world.deploy("alpha", raises("KeyError", "'BR'"))
    world.deploy("beta", returns(1))
    for number in range(count):
        world.fire()
        if number % 5 == 4:
            world.switch.enable("alpha", actor="ada", reason="test")
            world.clock.now += 2
    bodies, world.sink.bodies[:] = list(world.sink.bodies), []
    return [
        {"messageId": str(number), "body": body.decode(), "eventSource": "aws:sqs"}
        for number, body in enumerate(bodies)
    ]


def recorded_until_done(handler: Any, records: list[dict[str, Any]]) -> int:
    """Hands over what failed again, as SQS does; returns how often."""
    for attempt in range(1, 60):
        try:
            answer = handler.handle({"Records": records}, CONTEXT)
        except (Killed, Exception):  # noqa: BLE001 - the whole batch comes again
            continue
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        records = [record for record in records if record["messageId"] in failed]
        if not records:
            return attempt
    raise AssertionError("it never ended")


@pytest.mark.parametrize("kind", ["throttled", "down", "answers lost", "killed"])
@pytest.mark.parametrize("seed", range(2))
def test_the_recorder_loses_no_failure_and_counts_none_twice(
    platform: Platform, load: Load, transport: Transport, kind: str, seed: int
) -> None:
    records = failures_sent(platform, 15)
    at = random.Random(f"{kind}/{seed}")

    def fault(operation: str, request: Any) -> Any:
        if operation not in ("TransactWriteItems", "UpdateItem", "PutItem") or at.random() > 0.15:
            return None
        if kind == "throttled":
            return refused(request, 400, "ThrottlingException")
        if kind == "down":
            return refused(request, 500, "InternalServerError")
        if kind == "answers lost":
            return answer_lost(ANSWERS_LOST + operation, request)
        raise Killed

    recorder = load("recorder")
    transport.fault = fault
    recorded_until_done(recorder, records)
    (group,) = platform.world.errors.groups("alpha")
    assert group.count == 15
    assert platform.world.activity.since("alpha", 0).failures == 15
    assert len(list(platform.world.errors.failures(group.group_id))) == 15
    assert platform.world.activity.since("beta", 0).successes >= 15, "statistics at least once"


def test_a_poison_message_holds_up_nothing_and_is_left_for_the_dead_letters(
    platform: Platform, load: Load
) -> None:
    records = failures_sent(platform, 3)
    poison = {"messageId": "poison", "body": '{"v":1}', "eventSource": "aws:sqs"}
    handler = load("recorder")
    for batch in ([poison, *records], [poison]):
        answer = handler.handle({"Records": batch}, CONTEXT)
        assert answer == {"batchItemFailures": [{"itemIdentifier": "poison"}]}
    (group,) = platform.world.errors.groups("alpha")
    assert group.count == 3


@pytest.mark.parametrize("kind", ["throttled", "down", "answers lost"])
def test_no_hook_is_failed_by_a_table_that_fails(
    platform: Platform, load: Load, transport: Transport, kind: str
) -> None:
    world = platform.world
    world.deploy("alpha", raises("KeyError", "'BR'"))
    world.deploy("beta", returns({"score": 7}))
    dispatcher = load("dispatcher")
    dispatcher.handle(REQUEST, CONTEXT)

    def fault(operation: str, request: Any) -> Any:
        if operation not in ("UpdateItem", "BatchGetItem", "Query"):
            return None
        if kind == "answers lost":
            return answer_lost(ANSWERS_LOST + operation, request)
        if kind == "throttled":
            return refused(request, 400, "ThrottlingException")
        return refused(request, 500, "InternalServerError")

    transport.fault = fault
    for _ in range(3):
        answer = dispatcher.handle(REQUEST, CONTEXT)
        assert [result["status"] for result in answer["results"]] == ["error", "ok"]
    transport.fault = lambda operation, request: None
    records = platform.batch()["Records"]
    assert load("recorder").handle({"Records": records}, CONTEXT) == {"batchItemFailures": []}
    (group,) = world.errors.groups("alpha")
    assert group.count == 4, "what the breaker could not be told, the recorder was"


@pytest.mark.parametrize("kind", ["forbidden", "killed", "answers lost"])
@pytest.mark.parametrize("seed", range(2))
def test_each_trip_is_told_and_a_repeat_has_the_same_id(
    platform: Platform, load: Load, transport: Transport, kind: str, seed: int
) -> None:
    world = platform.world
    failures_sent(platform, 15)
    at = random.Random(f"{kind}/{seed}")

    def fault(operation: str, request: Any) -> Any:
        if operation != "Publish" or at.random() > 0.5:
            return None
        if kind == "forbidden":
            return refused(request, 403, "AuthorizationError")
        if kind == "answers lost":
            return answer_lost("before-send.sns.Publish", request)
        raise Killed

    notifier = load("notifier")
    transport.fault = fault
    records = platform.changes()["Records"]
    visible = 0
    for _ in range(60):
        try:
            failed = notifier.handle({"Records": records}, CONTEXT)["batchItemFailures"]
        except (Killed, Exception):  # noqa: BLE001 - the batch comes again
            continue
        visible += len(failed)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        if not failed:
            break
        # A stream comes again from the first record that failed.
        records = records[min(numbers.index(item["itemIdentifier"]) for item in failed) :]
    else:
        raise AssertionError("it never ended")
    got: list[str] = []
    while alerts := platform.alerts():
        got += [alert["MessageAttributes"]["alert_id"]["Value"] for alert in alerts]
    trips = {f"auto_disabled:alpha:{epoch}" for epoch in (2, 4, 6)}
    assert {each for each in got if each.startswith("auto_disabled")} == trips
    assert world.state("alpha").epoch == 7
    assert visible or kind != "forbidden", "a publish that failed is reported, not swallowed"


def test_without_faults_each_trip_is_told_once(platform: Platform, load: Load) -> None:
    failures_sent(platform, 15)
    load("notifier").handle(platform.changes(), CONTEXT)
    ids = [alert["MessageAttributes"]["alert_id"]["Value"] for alert in platform.alerts()]
    assert sorted(ids) == [f"auto_disabled:alpha:{epoch}" for epoch in (2, 4, 6)]


def test_a_lease_is_ours_though_the_answer_to_its_write_was_lost(platform: Platform, transport: Transport) -> None:
    """botocore sends the write again, and its condition finds our own lease: else nobody probes for a minute."""
    world = platform.world
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(5):
        world.fire()
    table = Table(
        client("dynamodb", read_timeout_s=2, attempts=2), TABLE, now_s=world.clock.now_s, sleep=Clock().sleep
    )
    lost: list[str] = []

    def fault(operation: str, request: Any) -> Any:
        if operation != "UpdateItem" or lost:
            return None
        lost.append(operation)
        return answer_lost(ANSWERS_LOST + operation, request)

    transport.fault = fault
    off = world.state("alpha")
    won, state = Breakers(table).take_lease("alpha", off, "me", off.probe_at_s)
    assert transport.sent.count("UpdateItem") == 2
    assert won
    assert state is not None
    assert state.lease is not None
    assert state.lease.holder == "me"
    transport.fault = lambda operation, request: None
    other, _ = Breakers(table).take_lease("alpha", off, "another", off.probe_at_s)
    assert not other
