from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from time import monotonic
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
        task = asyncio.create_task(SqsPoller(moto, engine, {**MAPPING, **mapping}, bell or Bell(), 10).run())
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


def filtered(pattern: str) -> dict[str, Any]:
    return {"FilterCriteria": {"Filters": [{"Pattern": pattern}]}}


def test_what_the_filters_drop_is_deleted_and_not_seen() -> None:
    moto = FakeMoto([message("a"), message("b"), message("c")])
    engine = FakeEngine(lambda records: None)
    poll(moto, engine, lambda: len(moto.settled) == 2, **filtered('{"body": [{"anything-but": "b"}]}'))
    assert [one["delete"] for one in moto.settled] == [["receipt-b"], ["receipt-a", "receipt-c"]]
    assert [[one["messageId"] for one in batch] for batch in engine.batches] == [["a", "c"]]


def test_a_batch_that_the_filters_drop_whole_is_followed_by_the_next_at_once() -> None:
    moto = FakeMoto([message(str(number)) for number in range(5)])
    engine = FakeEngine(lambda records: None)
    poll(moto, engine, lambda: len(moto.settled) == 5, BatchSize=1, **filtered('{"body": ["4"]}'))
    assert [[one["messageId"] for one in batch] for batch in engine.batches] == [["4"]]


class SlowEngine(FakeEngine):
    """Counts the batches that run at once; none ends before it is told."""

    def __init__(self) -> None:
        super().__init__(lambda records: None)
        self.running = self.most = 0
        self.may_end = asyncio.Event()

    async def invoke(self, function: str, qualifier: str | None, payload: bytes) -> FakeAnswer:
        self.running += 1
        self.most = max(self.most, self.running)
        await self.may_end.wait()
        self.running -= 1
        return await super().invoke(function, qualifier, payload)


def most_at_once(until: Any, **mapping: Any) -> int:
    async def scenario() -> int:
        moto, engine = FakeMoto([message(str(number)) for number in range(40)]), SlowEngine()
        poller = SqsPoller(moto, engine, {**MAPPING, "BatchSize": 1, **mapping}, Bell(), 10)
        task = asyncio.create_task(poller.run())
        try:
            async with asyncio.timeout(2):
                while not until(engine):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pass  # what was reached by then is what is asked for
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await poller.end()
        return engine.most

    return asyncio.run(scenario())


def test_batches_at_once_begin_at_five_and_grow_under_a_backlog() -> None:
    assert most_at_once(lambda engine: engine.most > 4) == 5
    assert most_at_once(lambda engine: engine.most > 9) == 10


def test_maximum_concurrency_is_honoured() -> None:
    limit = {"ScalingConfig": {"MaximumConcurrency": 2}}
    assert most_at_once(lambda engine: engine.most > 2, **limit) == 2


def test_a_batch_with_the_function_is_finished_after_polling_has_ended() -> None:
    async def scenario() -> FakeMoto:
        moto, engine = FakeMoto([message("a"), message("b")]), SlowEngine()
        poller = SqsPoller(moto, engine, MAPPING, Bell(), 10)
        task = asyncio.create_task(poller.run())
        while not engine.running:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        engine.may_end.set()
        await poller.finish()
        return moto

    assert asyncio.run(asyncio.wait_for(scenario(), 10)).settled[0]["delete"] == ["receipt-a", "receipt-b"]


def test_what_was_gathered_when_polling_ended_is_delivered() -> None:
    async def scenario() -> FakeMoto:
        moto, engine = FakeMoto([message("a")]), FakeEngine(lambda records: None)
        mapping = {**MAPPING, "MaximumBatchingWindowInSeconds": 300}
        poller = SqsPoller(moto, engine, mapping, Bell(), 10)
        task = asyncio.create_task(poller.run())
        while moto.messages:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await poller.finish()
        return moto

    assert asyncio.run(asyncio.wait_for(scenario(), 10)).settled[0]["delete"] == ["receipt-a"]


def test_without_its_function_a_queue_is_left_alone_for_a_while() -> None:
    moto = FakeMoto([message(str(number)) for number in range(30)])
    refusal = InvokeRefused(404, "ResourceNotFoundException", "Function not found")
    ends_s = monotonic() + 0.3
    poll(moto, FakeEngine(lambda records: refusal), lambda: monotonic() > ends_s, BatchSize=1)
    # Those that were on their way by then; without a rest all thirty would have lost a receive.
    assert len(moto.messages) > 20


class OneAtATime(FakeMoto):
    """A FIFO group: the next message can be received once the one before is settled."""

    async def call(self, operation: str, **request: Any) -> Any:
        if operation == "queue/receive" and self.in_flight:
            return {"records": [], "next_visible_ms": 0, "more": True}
        found = await super().call(operation, **request)
        self.in_flight = operation == "queue/receive" and bool(found["records"])
        return found

    in_flight = False


def test_the_next_batch_of_a_group_follows_at_once() -> None:
    async def scenario() -> float:
        moto, engine = OneAtATime([message(str(number)) for number in range(3)]), FakeEngine(lambda records: None)
        poller = SqsPoller(moto, engine, {**MAPPING, "BatchSize": 1}, Bell(), 10)
        began_s = monotonic()
        task = asyncio.create_task(poller.run())
        while len(moto.settled) < 3:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return monotonic() - began_s

    assert asyncio.run(asyncio.wait_for(scenario(), 20)) < 2
