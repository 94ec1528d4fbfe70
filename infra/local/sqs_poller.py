"""An SQS queue's event source mapping: batches to a function, as Lambda's own pollers do it."""

from __future__ import annotations

import asyncio
import json
import sys
from time import monotonic, time
from typing import Any, Protocol

from infra.local.batch_failures import REPORT, failed_items
from infra.local.batches_at_once import BatchesAtOnce
from infra.local.bells import Bell
from infra.local.event_filters import make_filter
from infra.local.moto_client import MotoRefused, Operations
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.wire.errors import PlatformError

WINDOW_MAX_S = 1.0
"""A batching window is never longer here: the author waits for it."""

IDLE_S = 5.0
"""Looks at least this often, whatever the bell said."""

RETRY_MAX_S = 30
NO_SUCH_FUNCTION = 404


class Answer(Protocol):
    """What pollers need of the engine's answer."""

    @property
    def function_error(self) -> str | None:
        """`Unhandled` when the function failed."""
        ...

    @property
    def payload(self) -> bytes:
        """What it answered."""
        ...

    @property
    def request_id(self) -> str:
        """Of the call."""
        ...

    @property
    def executed_version(self) -> str:
        """Of the function."""
        ...


class Invoker(Protocol):
    """What pollers need of the engine."""

    async def invoke(self, function: str, qualifier: str | None, payload: bytes) -> Answer:
        """Runs a function."""
        ...


class SqsPoller:
    """Polls one queue for one function until it is cancelled; what runs then goes on until `finish` or `end`.

    What a function accepted is deleted, and so is what the mapping's filters drop. What it refused stays invisible
    for the queue's visibility timeout, and goes to the dead-letter queue by the queue's own redrive policy.

    Args:
        moto: Private operations.
        engine: Runs the function.
        mapping: As Lambda's API describes it.
        bell: Rings when a queue may have got a message.
        batches_max: Batches at once that the engine has workers for.
    """

    def __init__(
        self, moto: Operations, engine: Invoker, mapping: dict[str, Any], bell: Bell, batches_max: int
    ) -> None:
        self._moto = moto
        self._engine = engine
        self._bell = bell
        self._queue_arn: str = mapping["EventSourceArn"]
        self._function_arn: str = mapping["FunctionArn"]
        self._batch_max = int(mapping["BatchSize"])
        self._window_s = min(float(mapping.get("MaximumBatchingWindowInSeconds") or 0), WINDOW_MAX_S)
        self._reports = REPORT in (mapping.get("FunctionResponseTypes") or ())
        self._wants = make_filter(mapping.get("FilterCriteria"), self._queue_arn)
        maximum = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency")
        self._batches = BatchesAtOnce(min(int(maximum or batches_max), batches_max))
        self._gathered: list[dict[str, Any]] = []
        self._rests_until_s = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """Batches that are with the function."""
        return len(self._tasks)

    async def run(self) -> None:
        """Polls."""
        while True:
            await self._batches.begin()
            try:
                await self._rest()
                await self._gather()
            except BaseException:
                if self._gathered:
                    self._start()
                else:
                    self._batches.end()
                raise
            self._start()

    async def finish(self) -> None:
        """Waits for the batches that are with the function, after `run` was cancelled."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def end(self) -> None:
        """Ends at once, with the batches that are with the function: their messages come again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _rest(self) -> None:
        left_s = self._rests_until_s - monotonic()
        if left_s > 0:
            await asyncio.sleep(left_s)

    async def _gather(self) -> None:
        """One batch: full, or as much as came within the window."""
        until = 0.0
        while True:
            seen = self._bell.count
            found = await self._moto.call(
                "queue/receive",
                queue_arn=self._queue_arn,
                max=self._batch_max - len(self._gathered),
                used_bytes=sum(len(record["body"].encode("utf-8", "surrogatepass")) for record in self._gathered),
            )
            self._batches.saw(backlog=found["more"])
            wanted = await self._wanted(found["records"])
            if wanted and not self._gathered:
                until = monotonic() + self._window_s
            self._gathered += wanted
            left_s = until - monotonic()
            # More was there and did not fit: the batch is as large as a payload may be.
            if self._gathered and (left_s <= 0 or len(self._gathered) >= self._batch_max or found["more"]):
                return
            if found["records"] and found["more"]:
                continue  # filters wanted none of these
            next_s = found["next_visible_ms"] / 1000 - time() if found["next_visible_ms"] else IDLE_S
            wait_s = left_s if self._gathered else min(max(next_s, 0.01), IDLE_S)
            await self._bell.wait(seen, wait_s)

    async def _wanted(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that pass the filters; the others are deleted."""
        if self._wants is None:
            return records
        wanted = [record for record in records if self._wants(record)]
        kept = {record["receiptHandle"] for record in wanted}
        dropped = [record["receiptHandle"] for record in records if record["receiptHandle"] not in kept]
        if dropped:
            await self._settle(delete=dropped)
        return wanted

    def _start(self) -> None:
        records, self._gathered = self._gathered, []
        task = asyncio.create_task(self._deliver(records))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def _deliver(self, records: list[dict[str, Any]]) -> None:
        payload = json.dumps({"Records": records}, separators=(",", ":")).encode()
        receipts = {record["messageId"]: record["receiptHandle"] for record in records}
        try:
            answer = await self._engine.invoke(self._function_arn, None, payload)
        except InvokeRefused as error:
            # The function never saw them: sooner again than the visibility timeout, later each time.
            tries = max(int(record["attributes"]["ApproximateReceiveCount"]) for record in records)
            delay_s = min(2 ** (tries - 1), RETRY_MAX_S)
            if error.status == NO_SUCH_FUNCTION:
                # Each look costs the messages one of their receives: look less often while there is no function.
                self._rests_until_s = monotonic() + RETRY_MAX_S
            sys.stderr.write(f"{self._function_arn}: {error}; {len(records)} messages again in {delay_s} s\n")
            await self._settle(retry_s=dict.fromkeys(receipts.values(), delay_s))
            return
        if answer.function_error is not None:
            sys.stderr.write(f"{self._function_arn} failed on {len(records)} messages: {answer.payload[:500]!r}\n")
            return
        failed = failed_items(answer.payload, set(receipts)) if self._reports else set()
        await self._settle(delete=[receipt for message, receipt in receipts.items() if message not in failed])

    async def _settle(self, **what: Any) -> None:
        await self._moto.call("queue/settle", queue_arn=self._queue_arn, **what)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._batches.end()
        # The next messages of its groups can be received now, and those that come again have a time.
        self._bell.ring()
        # What moto still refuses (a queue that is gone) ends with the mapping; anything else is a defect: show it.
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            if not isinstance(error, (MotoRefused, PlatformError)):
                asyncio.get_running_loop().call_exception_handler({"message": "SQS poller", "exception": error})
            else:
                sys.stderr.write(f"{self._queue_arn}: {error}\n")
