"""InvocationType Event against a real engine: answered at once, run later, again where it fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.emulator.event_queue import EventWaits
from services_ai_sdk.emulator.spec import EventSettings
from tests.contract.emulator.emulators import ARN, Emulator, wait_until
from tests.contract.emulator.test_invoke import refusal

QUEUE = "arn:aws:sqs:us-east-1:123456789012:told"
COUNTS = """
import json
calls = []
def handle(event, context):
    calls.append(context.aws_request_id)
    if len(calls) < event.get("works_at", 0):
        raise ValueError(f"not yet: {len(calls)}")
    return {"calls": calls, "arn": context.invoked_function_arn}
"""


class Sent:
    def __init__(self) -> None:
        self.messages: list[tuple[str, Any, Mapping[str, tuple[str, str]]]] = []
        self.losses: list[tuple[str, str]] = []

    async def send(self, arn: str, body: str, attributes: Mapping[str, tuple[str, str]]) -> None:
        self.messages.append((arn, json.loads(body), attributes))

    async def refuses(self, role_arn: str, function_arn: str, arn: str) -> str:
        return ""

    def lost(self, arn: str, why: str) -> None:
        self.losses.append((arn, why))

    def one(self) -> Any:
        return wait_until(lambda: self.messages, "a record")[0][1]


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def events(tmp_path: Path, sent: Sent) -> Any:
    emulator = Emulator(tmp_path, destinations=sent, event_waits=EventWaits(error_share=0.001))
    yield emulator
    emulator.close()
    assert emulator.loop_errors == []


def send(emulator: Emulator, name: str, event: Any, **more: Any) -> Any:
    return emulator.client.invoke(
        FunctionName=name, Payload=json.dumps(event).encode(), InvocationType="Event", **more
    )


def add(emulator: Emulator, name: str, code: str, **settings: Any) -> None:
    spec = emulator.add(name, code, events=EventSettings(**settings))
    for qualifier in (None, "live"):
        emulator.functions.specs[spec.function_arn, qualifier] = spec
        emulator.functions.specs[name, qualifier] = spec


def test_an_event_is_answered_at_once_and_run_later(events: Emulator, sent: Sent) -> None:
    add(events, "waits", "import time\ndef handle(event, context):\n  time.sleep(1)\n  return 1", on_success=QUEUE)
    answer = send(events, "waits", {"a": [1]})
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    assert "FunctionError" not in answer
    assert "ExecutedVersion" not in answer
    assert sent.messages == []
    record = sent.one()
    assert record["requestContext"]["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert (record["requestPayload"], record["responsePayload"]) == ({"a": [1]}, 1)


def test_every_try_has_the_callers_request_id(events: Emulator, sent: Sent) -> None:
    add(events, "fails-twice", COUNTS, on_success=QUEUE)
    request_id = send(events, "fails-twice", {"works_at": 3})["ResponseMetadata"]["RequestId"]
    record = sent.one()
    assert record["responsePayload"]["calls"] == [request_id] * 3
    assert record["requestContext"]["approximateInvokeCount"] == 3


def test_what_always_fails_is_given_up(events: Emulator, sent: Sent) -> None:
    add(events, "fails", COUNTS, on_failure=QUEUE, retries_max=1)
    send(events, "fails", {"works_at": 9})
    record = sent.one()
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responsePayload"]["errorMessage"] == "not yet: 2"


@pytest.mark.parametrize(("name", "more"), [("aliased", {"Qualifier": "live"}), ("aliased:live", {})])
def test_the_alias_is_kept(events: Emulator, sent: Sent, name: str, more: dict[str, str]) -> None:
    add(events, "aliased", COUNTS, on_success=QUEUE)
    events.functions.specs["aliased:live", None] = events.functions.specs["aliased", "live"]
    send(events, name, {}, **more)
    record = sent.one()
    assert record["requestContext"]["functionArn"] == f"{ARN}aliased:live"
    assert record["responsePayload"]["arn"] == f"{ARN}aliased:live"


def test_a_function_is_another_ones_destination(events: Emulator, sent: Sent) -> None:
    add(events, "first", COUNTS, on_success=f"{ARN}second")
    add(events, "second", "def handle(event, context): return event['responsePayload']['arn']", on_success=QUEUE)
    send(events, "first", {})
    assert sent.one()["responsePayload"] == f"{ARN}first"


def test_what_lambda_refuses_at_once(events: Emulator) -> None:
    add(events, "refuses", COUNTS)
    fits = b'"' + b"a" * (1_048_576 - 2) + b'"'
    assert events.client.invoke(FunctionName="refuses", Payload=fits, InvocationType="Event")["StatusCode"] == 202
    status, code, message = refusal(events, "refuses", fits + b" ", InvocationType="Event")
    assert (status, code) == (413, "RequestTooLargeException")
    assert message == "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    assert refusal(events, "refuses", b"{", InvocationType="Event")[:2] == (400, "InvalidRequestContentException")
    assert refusal(events, "nobody", InvocationType="Event")[:2] == (404, "ResourceNotFoundException")


def test_without_destinations_what_is_lost_is_said(make_emulator: Any) -> None:
    emulator = make_emulator()
    add(emulator, "lonely", COUNTS, on_success=QUEUE)
    send(emulator, "lonely", {})
    wait_until(lambda: [line for line in emulator.progress if QUEUE in line], "the line")
    assert emulator.engine.status()["events"] == []
