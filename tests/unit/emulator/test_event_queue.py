"""Asynchronous calls under a clock of the test's own: when they are tried again, and what is told of their end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.event_queue import FUNCTION_HELD_BYTES_MAX, LAMBDA_WAITS, EventQueue, EventWaits
from services_ai_sdk.emulator.event_records import Event
from services_ai_sdk.emulator.spec import Artifact, EventSettings, FunctionSpec

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:told"
DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"
SPEC = FunctionSpec(
    "f", ARN, "$LATEST", "1", "main.handle", "python3.11", 3, 128, {}, Artifact("0", Path("/none")), (), "g", "r"
)
FAILS = InvokeAnswer(b'{"errorMessage": "no", "errorType": "E"}', "Unhandled", "7", 1, "id")
WORKS = InvokeAnswer(b'{"n": 1.0}', None, "7", 1, "id")
THROTTLED = InvokeRefused(429, "TooManyRequestsException", "Rate Exceeded.")
ALL_TOLD = EventSettings(on_success=QUEUE, on_failure=QUEUE, dead_letters=DEAD)


class Time:
    """A clock that goes only while all wait for it."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    async def sleep(self, wait_s: float) -> None:
        self.slept.append(wait_s)
        self.now_s += wait_s
        await asyncio.sleep(0)


@dataclass
class Sent:
    """Destinations that remember."""

    messages: list[tuple[str, Any, Mapping[str, tuple[str, str]]]] = field(default_factory=list)
    losses: list[tuple[str, str]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    async def send(self, arn: str, body: str, attributes: Mapping[str, tuple[str, str]]) -> None:
        self.messages.append((arn, json.loads(body), attributes))

    async def refuses(self, role_arn: str, function_arn: str, arn: str) -> str:
        return self.refused.get(arn, "")

    def lost(self, arn: str, why: str) -> None:
        self.losses.append((arn, why))


@dataclass
class Runner:
    """Answers one call after the other; the last answer stays."""

    answers: list[InvokeAnswer | InvokeRefused]
    settings: EventSettings = ALL_TOLD
    ran: list[str] = field(default_factory=list)
    took: list[tuple[str, Any, int]] = field(default_factory=list)
    gone: bool = False
    broken: bool = False
    reserved: int | None = None

    def spec(self) -> FunctionSpec:
        return SPEC.replace(events=self.settings, reserved_concurrency=self.reserved)

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        if self.gone:
            raise InvokeRefused(404, "ResourceNotFoundException", "Function not found")
        if self.broken:
            raise InvokeRefused(500, "ServiceException", "its sandbox profile is missing")
        return self.spec()

    async def run_event(self, event: Event) -> InvokeAnswer:
        self.ran.append(event.request_id)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, InvokeRefused):
            raise answer
        return answer

    async def invoke_event(
        self, function: str, qualifier: str | None, payload: bytes, *, trace: str = "", generation: int = 0
    ) -> str:
        if function.endswith("nobody"):
            raise InvokeRefused(404, "ResourceNotFoundException", "Function not found")
        self.took.append((function, json.loads(payload), generation))
        return "id"


@dataclass
class World:
    runner: Runner
    queue: EventQueue
    time: Time
    sent: Sent

    def event(self, name: str = "e1", payload: bytes = b'{"a": 1}', **more: Any) -> Event:
        return Event(name, ARN, None, payload, self.time.now_s, **more)


def live(
    runner: Runner, waits: EventWaits = LAMBDA_WAITS
) -> tuple[World, Callable[[], Coroutine[Any, Any, None]]]:
    time, sent = Time(), Sent()
    queue = EventQueue(runner, sent, waits, lambda: time.now_s, lambda: 1_573_754_765_568, time.sleep)

    async def settled() -> None:
        for _ in range(100_000):
            if not queue.status():
                return
            await asyncio.sleep(0)
        raise AssertionError(queue.status())

    return World(runner, queue, time, sent), settled


def run(runner: Runner, waits: EventWaits = LAMBDA_WAITS, **event: Any) -> World:
    """One event to its end."""
    world, settled = live(runner, waits)

    async def act() -> None:
        world.queue.put(world.event(**event), runner.spec())
        await settled()

    asyncio.run(act())
    return world


def test_what_the_role_may_not_send_is_lost_and_said() -> None:
    world, settled = live(Runner([FAILS]))
    world.sent.refused = {one: "not authorized" for one in (ALL_TOLD.on_failure, ALL_TOLD.dead_letters) if one}

    async def act() -> None:
        world.queue.put(world.event(), world.runner.spec())
        await settled()

    asyncio.run(act())
    assert world.sent.messages == []
    assert {arn for arn, why in world.sent.losses if why.endswith("not authorized")} == set(world.sent.refused)


def test_a_success_is_told_once() -> None:
    world = run(Runner([WORKS]))
    [(arn, record, attributes)] = world.sent.messages
    assert (arn, attributes) == (QUEUE, {})
    assert record == {
        "version": "1.0",
        "timestamp": "2019-11-14T18:06:05.568Z",
        "requestContext": {
            "requestId": "e1",
            "functionArn": f"{ARN}:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"a": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "7"},
        "responsePayload": {"n": 1.0},
    }


def test_a_function_error_is_tried_again_after_one_minute_and_after_two() -> None:
    world = run(Runner([FAILS]))
    assert world.runner.ran == ["e1"] * 3
    assert world.time.slept == [60, 120]
    (arn, record, _), (dead, letter, attributes) = world.sent.messages
    assert (arn, dead, letter) == (QUEUE, DEAD, {"a": 1})
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"}
    assert record["responsePayload"] == {"errorMessage": "no", "errorType": "E"}
    assert attributes == {
        "RequestID": ("String", "e1"),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "no"),
    }


def test_a_later_try_that_works_is_a_success() -> None:
    world = run(Runner([FAILS, WORKS]))
    [(_, record, _)] = world.sent.messages
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == (
        "Success",
        2,
    )


@pytest.mark.parametrize("retries", [0, 1])
def test_fewer_retries(retries: int) -> None:
    world = run(Runner([FAILS], EventSettings(retries_max=retries)))
    assert len(world.runner.ran) == retries + 1
    assert world.sent.messages == []


def test_waits_may_be_shorter_and_count_in_full() -> None:
    waits = EventWaits(error_share=1 / 60)
    world = run(Runner([FAILS], EventSettings(on_failure=QUEUE, age_max_s=100)), waits)
    assert world.time.slept == [1, 2]
    assert len(world.runner.ran) == 2
    [(_, record, _)] = world.sent.messages
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 2


def test_a_throttle_is_no_try_and_lasts_until_the_event_is_too_old() -> None:
    world = run(Runner([THROTTLED], EventSettings(on_failure=QUEUE, dead_letters=DEAD, age_max_s=1000)))
    assert world.time.slept[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    (_, record, _), (_, letter, attributes) = world.sent.messages
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["responseContext"] == {"statusCode": 429}
    assert "responsePayload" not in record
    assert attributes["ErrorCode"] == ("Number", "429")
    assert attributes["ErrorMessage"] == ("String", "Rate Exceeded.")
    assert letter == {"a": 1}


def test_after_throttles_and_faults_of_the_service_all_retries_are_left() -> None:
    fault = InvokeRefused(502, "InvalidRuntimeException", "no such Python")
    pending = InvokeRefused(409, "ResourceConflictException", "Pending")
    world = run(Runner([THROTTLED, fault, pending, FAILS, THROTTLED, FAILS, FAILS]))
    assert len(world.runner.ran) == 7
    assert world.time.slept == [1, 2, 4, 60, 1, 120]


def test_what_is_gone_is_not_tried_again() -> None:
    world = run(Runner([WORKS], gone=True))
    assert world.time.slept == []
    assert world.sent.messages == []
    [(arn, why)] = world.sent.losses
    assert arn == ARN
    assert "e1" in why


def test_what_cannot_even_be_looked_up_is_given_up_when_it_is_too_old() -> None:
    world = run(Runner([WORKS], broken=True))
    assert 6 * 3600 <= sum(world.time.slept) < 6 * 3600 + 300
    [(_, why)] = world.sent.losses
    assert "its sandbox profile is missing" in why


def test_a_function_as_destination_is_called() -> None:
    world = run(Runner([WORKS], EventSettings(on_success=f"{ARN}-next")))
    [(arn, record, generation)] = world.runner.took
    assert (arn, generation) == (f"{ARN}-next", 1)
    assert record["responsePayload"] == {"n": 1}


def test_a_loop_of_destinations_ends() -> None:
    world = run(Runner([WORKS], EventSettings(on_success=ARN)), generation=16)
    assert world.runner.took == []
    assert "loop" in world.sent.losses[0][1]


def test_a_destination_that_is_gone_is_said() -> None:
    world = run(Runner([WORKS], EventSettings(on_success=f"{ARN}-nobody")))
    [(arn, why)] = world.sent.losses
    assert arn == f"{ARN}-nobody"
    assert "ResourceNotFoundException" in why


def test_an_error_message_is_cut_to_what_an_attribute_may_hold() -> None:
    long = json.dumps({"errorMessage": "ä\x00" * 1000}).encode()
    world = run(Runner([InvokeAnswer(long, "Unhandled", "7", 1, "id")]))
    text = world.sent.messages[1][2]["ErrorMessage"][1]
    assert 1020 < len(text.encode()) <= 1024
    assert "\x00" not in text
    silent = run(Runner([InvokeAnswer(b"[]", "Unhandled", "7", 1, "id")]))
    assert silent.sent.messages[1][2]["ErrorMessage"][1]


@pytest.mark.parametrize("payload", [b"", '"\u00e4"'.encode("utf-16"), b'"\\ud800"', b"[" * 900 + b"]" * 900])
def test_every_payload_that_invoke_takes_fits_into_a_record(payload: bytes) -> None:
    world = run(Runner([FAILS]), payload=payload)
    record = world.sent.messages[0][1]
    assert record["requestPayload"] == (json.loads(payload) if payload else None)
    assert world.sent.messages[1][1] == record["requestPayload"]


def test_events_start_in_the_order_in_which_they_came() -> None:
    world, settled = live(Runner([WORKS]))

    async def act() -> None:
        for number in range(50):
            world.queue.put(world.event(f"e{number}"), SPEC)
        assert world.queue.status() == [{"function": "f", "waiting": 40, "running": 10, "again_later": 0}]
        await settled()

    asyncio.run(act())
    assert world.runner.ran == [f"e{number}" for number in range(50)]


def test_with_a_reserved_concurrency_no_more_start_at_once() -> None:
    world, settled = live(Runner([WORKS], reserved=2))

    async def act() -> None:
        for number in range(5):
            world.queue.put(world.event(f"e{number}"), world.runner.spec())
        assert world.queue.status() == [{"function": "f", "waiting": 3, "running": 2, "again_later": 0}]
        await settled()

    asyncio.run(act())
    assert world.runner.ran == [f"e{number}" for number in range(5)]


def test_with_nothing_reserved_an_event_is_given_up_at_once() -> None:
    world = run(Runner([WORKS], reserved=0))
    assert world.runner.ran == []
    assert world.time.slept == []
    (_, record, _), (_, letter, attributes) = world.sent.messages
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in record
    assert letter == {"a": 1}
    assert attributes.keys() == {"RequestID", "ErrorMessage"}


def test_what_a_function_may_have_waiting_is_bounded() -> None:
    world, settled = live(Runner([WORKS]))

    async def act() -> None:
        for _ in range(FUNCTION_HELD_BYTES_MAX // 2**20):
            world.queue.put(world.event(payload=b" " * 2**20), SPEC)
        with pytest.raises(InvokeRefused) as caught:
            world.queue.put(world.event(), SPEC)
        assert (caught.value.status, caught.value.reason) == (429, "FunctionInvocationRateLimitExceeded")
        with pytest.raises(InvokeRefused):
            world.queue.put(Event("e", f"{ARN}-other", None, b" " * 2**28, 0.0), SPEC)
        assert [each["function"] for each in world.queue.status()] == ["f"]
        await settled()
        world.queue.put(world.event(), SPEC)
        await settled()

    asyncio.run(act())


def test_closing_ends_what_waits() -> None:
    time, sent = Time(), Sent()

    async def act() -> None:
        never = asyncio.Event()

        async def sleep(wait_s: float) -> None:
            await never.wait()

        queue = EventQueue(Runner([FAILS]), sent, LAMBDA_WAITS, lambda: time.now_s, lambda: 0, sleep)
        queue.put(Event("e", ARN, None, b"1", 0.0), SPEC)
        await asyncio.sleep(0.01)
        assert queue.status() == [{"function": "f", "waiting": 0, "running": 0, "again_later": 1}]
        await queue.close()
        assert queue.status() == []

    asyncio.run(act())
    assert sent.messages == []
