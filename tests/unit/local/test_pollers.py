from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local.bells import Bells
from infra.local.moto_client import MotoRefused
from infra.local.pollers import Pollers
from services_ai_sdk.wire.errors import PlatformError

sys.path.insert(0, str(Path(__file__).parent))
from fakes import FakeAnswer, FakeEngine, FakeMoto, message, record

MAPPING = {
    "UUID": "1",
    "State": "Enabled",
    "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q",
    "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
    "BatchSize": 10,
}


class FailingMoto(FakeMoto):
    """Fails with each error once, then works."""

    def __init__(self, operation: str, *errors: Exception) -> None:
        super().__init__([message("a")])
        self.failing = operation
        self.errors = list(errors)

    async def call(self, operation: str, **request: Any) -> Any:
        if operation == self.failing and self.errors:
            raise self.errors.pop(0)
        if operation == "mappings":
            return [MAPPING]
        return await super().call(operation, **request)


def run(moto: FailingMoto) -> tuple[list[float], list[dict[str, Any]], list[dict[str, Any]]]:
    """Polls until the message is delivered: waits, status, reports."""
    waits: list[float] = []
    reports: list[dict[str, Any]] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    async def scenario() -> list[dict[str, Any]]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        pollers = Pollers(moto, FakeEngine(lambda records: None), Bells(), 10, sleep)
        task = asyncio.create_task(pollers.run())
        while not moto.settled:
            assert not task.done(), task.exception()
            await asyncio.sleep(0)
        status = pollers.status()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return status

    status = asyncio.run(asyncio.wait_for(scenario(), 10))
    return waits, status, reports


@pytest.mark.parametrize(
    "error",
    [
        MotoRefused(400, "QueueDoesNotExist", "no queue"),
        PlatformError("the moto process does not answer", code="local-cloud-broken"),
    ],
)
def test_a_poller_that_is_refused_or_cut_off_tries_again(
    error: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    waits, (status,), reports = run(FailingMoto("queue/receive", error))
    assert waits == [1.0]
    assert reports == []
    assert (status["errors"], status["refused"]) == (0, str(error))
    assert capfd.readouterr().err.startswith(f"{MAPPING['EventSourceArn']}: {error}")


def test_a_defect_is_shown_counted_and_does_not_end_the_poller() -> None:
    errors = [LookupError("defect"), LookupError("defect"), ValueError("another")]
    waits, (status,), reports = run(FailingMoto("queue/receive", *errors))
    assert waits == [1.0, 2.0, 4.0]
    assert [report["exception"] for report in reports] == errors
    assert (status["errors"], status["last_error"]) == (3, "ValueError: another")


def test_mappings_that_cannot_be_read_are_read_again() -> None:
    error = PlatformError("the moto process does not answer", code="local-cloud-broken")
    waits, _, reports = run(FailingMoto("mappings", error))
    assert (waits, reports) == ([1.0], [])


class SwitchedMoto(FakeMoto):
    """A stream's mapping that can be disabled; keeps its position as moto's process does."""

    def __init__(self) -> None:
        super().__init__(stream=[record(number) for number in range(1, 4)])
        self.state = "Enabled"
        self.position = ""

    async def call(self, operation: str, **request: Any) -> Any:
        if operation == "mappings":
            stream = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/1"
            mapping = {
                **MAPPING,
                "EventSourceArn": stream,
                "StartingPosition": "TRIM_HORIZON",
                "State": self.state,
            }
            return [{**mapping, "Position": self.position}]
        if operation == "stream/read":
            assert request["mapping"] == MAPPING["UUID"]
            self.position = request["after"] or self.position
        return await super().call(operation, **request)


def test_a_stream_s_mapping_that_was_disabled_goes_on_where_it_was() -> None:
    async def scenario() -> list[list[str]]:
        moto, engine = SwitchedMoto(), FakeEngine(lambda records: None)
        pollers = Pollers(moto, engine, Bells(), 10)
        await pollers.refresh()
        while moto.position != "3":
            await asyncio.sleep(0.01)
        (task,) = (running.task for running in pollers._running.values())
        await pollers.refresh()
        assert [running.task for running in pollers._running.values()] == [task], "a position is no change"
        moto.state = "Disabled"
        await pollers.refresh()
        assert pollers.status() == []
        moto.state = "Enabled"
        moto.stream.append(record(4))
        await pollers.refresh()
        while moto.position != "4":
            await asyncio.sleep(0.01)
        pollers._running[MAPPING["UUID"]].task.cancel()
        return [[one["eventID"] for one in batch] for batch in engine.batches]

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) == [["1", "2", "3"], ["4"]]


class SlowEngine(FakeEngine):
    """Answers when it may."""

    def __init__(self) -> None:
        super().__init__(lambda records: None)
        self.may_end = asyncio.Event()

    async def invoke(self, function: str, qualifier: str | None, payload: bytes) -> FakeAnswer:
        answer = await super().invoke(function, qualifier, payload)
        await self.may_end.wait()
        return answer


class ChangingMoto(FakeMoto):
    """A queue's mapping that changes, and goes."""

    def __init__(self) -> None:
        super().__init__([message("a")])
        self.mappings: list[dict[str, Any]] = [MAPPING]

    async def call(self, operation: str, **request: Any) -> Any:
        return (
            [dict(one) for one in self.mappings]
            if operation == "mappings"
            else await super().call(operation, **request)
        )


@pytest.mark.parametrize("after", [[], [{**MAPPING, "BatchSize": 1}]])
def test_a_batch_outlives_its_mapping_and_a_change_of_it(after: list[dict[str, Any]]) -> None:
    async def scenario() -> ChangingMoto:
        moto, engine = ChangingMoto(), SlowEngine()
        pollers = Pollers(moto, engine, Bells(), 10)
        await pollers.refresh()
        while not engine.batches:
            await asyncio.sleep(0.01)
        moto.mappings = after
        await pollers.refresh()
        assert moto.settled == []
        engine.may_end.set()
        while not moto.settled:
            await asyncio.sleep(0.01)
        for running in pollers._running.values():
            running.task.cancel()
        return moto

    moto = asyncio.run(asyncio.wait_for(scenario(), 10))
    assert [one["delete"] for one in moto.settled] == [["receipt-a"]]
