from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from infra.local.bells import Bell
from infra.local.sqs_poller import SqsPoller
from services_ai_sdk.emulator.errors import InvokeRefused

sys.path.insert(0, str(Path(__file__).parent))
from fakes import FakeAnswer, FakeEngine, FakeMoto, message

MAPPING = {
    "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q",
    "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
    "BatchSize": 10,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}


def poll(moto: FakeMoto, engine: FakeEngine, until: Any, bell: Bell | None = None, **mapping: Any) -> None:
    async def scenario() -> None:
        task = asyncio.create_task(SqsPoller(moto, engine, {**MAPPING, **mapping}, bell or Bell()).run())
        while not until():
            assert not task.done(), task.exception()
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_accepted_messages_are_deleted() -> None:
    moto, engine = FakeMoto([message("a"), message("b")]), FakeEngine(lambda records: None)
    poll(moto, engine, lambda: moto.settled)
    assert moto.settled[0]["delete"] == ["receipt-a", "receipt-b"]


def test_a_reported_message_stays() -> None:
    moto = FakeMoto([message("a"), message("b"), message("c")])
    engine = FakeEngine(lambda records: {"batchItemFailures": [{"itemIdentifier": "b"}]})
    poll(moto, engine, lambda: moto.settled)
    assert moto.settled[0]["delete"] == ["receipt-a", "receipt-c"]


def test_without_the_response_type_a_report_means_nothing() -> None:
    moto = FakeMoto([message("a")])
    engine = FakeEngine(lambda records: {"batchItemFailures": [{"itemIdentifier": "a"}]})
    poll(moto, engine, lambda: moto.settled, FunctionResponseTypes=[])
    assert moto.settled[0]["delete"] == ["receipt-a"]


def test_after_a_function_error_nothing_is_deleted_and_the_next_batch_comes() -> None:
    moto, bell = FakeMoto([message("a")]), Bell()

    def fail_then_work(records: list[dict[str, Any]]) -> Any:
        if records[0]["messageId"] == "a":
            moto.messages.append(message("b"))
            bell.ring()
            return FakeAnswer("Unhandled", b'{"errorType":"KeyError"}')
        return None

    poll(moto, FakeEngine(fail_then_work), lambda: moto.settled, bell, BatchSize=1)
    assert [one["delete"] for one in moto.settled] == [["receipt-b"]]


def test_a_refused_invoke_delays_longer_each_time() -> None:
    for receives, delay_s in ((1, 1), (3, 4), (50, 30)):
        moto = FakeMoto([message("a", receives)])
        engine = FakeEngine(lambda records: InvokeRefused(429, "TooManyRequestsException", "Rate Exceeded."))
        poll(moto, engine, lambda moto=moto: moto.settled)
        assert moto.settled[0] == {"queue_arn": MAPPING["EventSourceArn"], "retry_s": {"receipt-a": delay_s}}


def test_batches_are_no_larger_than_asked() -> None:
    moto, engine = FakeMoto([message(str(n)) for n in range(7)]), FakeEngine(lambda records: None)
    poll(moto, engine, lambda: len(moto.settled) == 3, BatchSize=3)
    assert sorted(len(batch) for batch in engine.batches) == [1, 3, 3]
