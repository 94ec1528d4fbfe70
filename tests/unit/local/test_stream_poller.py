from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local import stream_poller
from infra.local.bells import Bell, Bells
from infra.local.destinations import MotoDestinations
from infra.local.moto_client import MotoRefused
from infra.local.stream_poller import StreamPoller
from services_ai_sdk.emulator.errors import InvokeRefused

sys.path.insert(0, str(Path(__file__).parent))
from fakes import FakeAnswer, FakeEngine, FakeMoto, record

MAPPING = {
    "EventSourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/1",
    "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
    "BatchSize": 10,
    "StartingPosition": "TRIM_HORIZON",
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}
ALL = [record(n) for n in range(1, 7)]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_poller, "RETRY_FIRST_S", 0.0)


def numbers(batches: list[list[dict[str, Any]]]) -> list[list[int]]:
    return [[int(one["dynamodb"]["SequenceNumber"]) for one in batch] for batch in batches]


def poll(
    engine: FakeEngine, last: str = "6", moto: FakeMoto | None = None, now_s: float = 1010.5, **mapping: Any
) -> FakeMoto:
    moto = moto or FakeMoto(stream=ALL)

    async def scenario() -> None:
        destinations = MotoDestinations(moto, Bells())
        poller = StreamPoller(moto, engine, destinations, {**MAPPING, **mapping}, Bell(), now_s=lambda: now_s)
        task = asyncio.create_task(poller.run())
        while poller.position != last:
            assert not task.done(), task.exception()
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 10))
    return moto


def test_in_order_and_once() -> None:
    engine = FakeEngine(lambda records: None)
    poll(engine, BatchSize=4)
    assert numbers(engine.batches) == [[1, 2, 3, 4], [5, 6]]


def test_latest_begins_behind_what_was_there() -> None:
    engine = FakeEngine(lambda records: None)
    poll(engine, StartingPosition="LATEST", StreamHead="4")
    assert numbers(engine.batches) == [[5, 6]]


def test_retries_from_the_first_reported_record() -> None:
    failed_once: list[bool] = []

    def answer(records: list[dict[str, Any]]) -> Any:
        if not failed_once:
            failed_once.append(True)
            return {"batchItemFailures": [{"itemIdentifier": "5"}, {"itemIdentifier": "3"}]}
        return None

    engine = FakeEngine(answer)
    poll(engine)
    assert numbers(engine.batches) == [[1, 2, 3, 4, 5, 6], [3, 4, 5, 6]]


def test_a_refused_invoke_keeps_everything() -> None:
    def answer(records: list[dict[str, Any]]) -> Any:
        return (
            InvokeRefused(429, "TooManyRequestsException", "Rate Exceeded.") if len(engine.batches) < 3 else None
        )

    engine = FakeEngine(answer)
    poll(engine)
    assert numbers(engine.batches) == [[1, 2, 3, 4, 5, 6]] * 3


def test_a_refused_invoke_is_no_reason_to_take_a_batch_apart_or_to_give_it_up() -> None:
    def answer(records: list[dict[str, Any]]) -> Any:
        return (
            InvokeRefused(429, "TooManyRequestsException", "Rate Exceeded.") if len(engine.batches) < 6 else None
        )

    engine = FakeEngine(answer)
    moto = poll(
        engine,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:dead"}},
    )
    assert numbers(engine.batches) == [[1, 2, 3, 4, 5, 6]] * 6
    assert moto.sent == []


def test_bisects_until_the_poison_record_is_alone_and_goes_on_behind_it() -> None:
    def answer(records: list[dict[str, Any]]) -> Any:
        poisoned = any(one["eventID"] == "4" for one in records)
        return FakeAnswer("Unhandled", b"{}") if poisoned else None

    engine = FakeEngine(answer)
    moto = poll(
        engine,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:dead"}},
    )
    seen = numbers(engine.batches)
    assert seen.count([4]) == 3  # the first try and two retries
    accepted = [number for batch in seen if 4 not in batch for number in batch]
    assert accepted == [1, 2, 3, 5, 6]
    (letter,) = moto.sent
    body = json.loads(letter["body"])
    assert (
        body["DDBStreamBatchInfo"]["startSequenceNumber"] == body["DDBStreamBatchInfo"]["endSequenceNumber"] == "4"
    )
    assert body["requestContext"]["approximateInvokeCount"] == 3


def test_without_a_limit_it_never_gives_up() -> None:
    def answer(records: list[dict[str, Any]]) -> Any:
        return FakeAnswer("Unhandled", b"{}") if len(engine.batches) < 30 else None

    engine = FakeEngine(answer)
    moto = poll(engine, MaximumRetryAttempts=-1)
    assert moto.sent == []
    assert len(engine.batches) == 30


DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"


@pytest.mark.parametrize("destination", [DEAD, "arn:aws:sns:us-east-1:123456789012:dead"])
def test_what_is_given_up_is_said_as_documented(destination: str) -> None:
    engine = FakeEngine(lambda records: FakeAnswer("Unhandled", b"{}"))
    moto = poll(engine, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": destination}})
    (sent,) = moto.sent
    assert sent.get("queue_arn", sent.get("topic_arn")) == destination
    assert json.loads(sent["body"]) == {
        "requestContext": {
            "requestId": "request", "functionArn": MAPPING["FunctionArn"], "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "1970-01-01T00:16:50.500Z",
        "DDBStreamBatchInfo": {
            "shardId": "shard", "startSequenceNumber": "1", "endSequenceNumber": "6",
            "approximateArrivalOfFirstRecord": "1970-01-01T00:16:41Z",
            "approximateArrivalOfLastRecord": "1970-01-01T00:16:46Z",
            "batchSize": 6, "streamArn": MAPPING["EventSourceArn"],
        },
    }  # fmt: skip


def test_records_that_are_too_old_are_given_up_unseen_and_the_others_go_on() -> None:
    engine = FakeEngine(lambda records: None)
    # The records are of the seconds 1001 to 1006.
    moto = poll(
        engine, now_s=1063.5, MaximumRecordAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": DEAD}}
    )
    assert numbers(engine.batches) == [[4, 5, 6]]
    body = json.loads(moto.sent[0]["body"])
    assert body["requestContext"]["condition"] == "RecordAgeExceeded"
    assert body["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in body
    assert body["DDBStreamBatchInfo"]["endSequenceNumber"] == "3"


def test_a_destination_that_is_gone_holds_nothing_up(capfd: pytest.CaptureFixture[str]) -> None:
    class NoQueue(FakeMoto):
        async def call(self, operation: str, **request: Any) -> Any:
            if operation == "queue/send":
                raise MotoRefused(404, "QueueDoesNotExist", "gone")
            return await super().call(operation, **request)

    engine = FakeEngine(lambda records: FakeAnswer("Unhandled", b"{}") if len(engine.batches) == 1 else None)
    poll(
        engine,
        moto=NoQueue(stream=ALL),
        BatchSize=3,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": DEAD}},
    )
    assert numbers(engine.batches) == [[1, 2, 3], [4, 5, 6]]
    assert f"not delivered: {DEAD}" in capfd.readouterr().err


def test_what_no_filter_wants_is_skipped_for_good() -> None:
    pattern = '{"dynamodb": {"SequenceNumber": ["2", "4", "5"]}}'
    engine = FakeEngine(lambda records: None)
    poll(engine, BatchSize=2, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    assert numbers(engine.batches) == [[2], [4], [5]]


@pytest.mark.parametrize("identifier", ["", "99", None])
def test_a_report_of_nothing_known_fails_the_whole_batch(identifier: Any) -> None:
    engine = FakeEngine(
        lambda records: (
            {"batchItemFailures": [{"itemIdentifier": identifier}]} if len(engine.batches) == 1 else None
        )
    )
    poll(engine)
    assert numbers(engine.batches) == [[1, 2, 3, 4, 5, 6]] * 2
