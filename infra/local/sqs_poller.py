"""An SQS queue's event source mapping: batches to a function, as Lambda's own pollers do it."""

from __future__ import annotations

import asyncio
import json
import sys
from time import monotonic, time
from typing import Any, Protocol

from infra.local.batch_failures import REPORT, failed_items
from infra.local.bells import Bell
from infra.local.moto_client import MotoRefused, Operations
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.wire.errors import PlatformError

CONCURRENCY = 5
"""Batches at once where the mapping names no MaximumConcurrency: what Lambda starts with."""

WINDOW_MAX_S = 1.0
"""A batching window is never longer here: the author waits for it."""

IDLE_S = 5.0
"""Looks at least this often, whatever the bell said."""

RETRY_MAX_S = 30


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


class Invoker(Protocol):
    """What pollers need of the engine."""

    async def invoke(self, function: str, qualifier: str | None, payload: bytes) -> Answer:
        """Runs a function."""
        ...


class SqsPoller:
    """Polls one queue for one function until it is cancelled.

    What a function accepted is deleted. What it refused stays invisible for the queue's visibility timeout, and
    goes to the dead-letter queue by the queue's own redrive policy.

    Args:
        moto: Private operations.
        engine: Runs the function.
        mapping: As Lambda's API describes it.
        bell: Rings when a queue may have got a message.
    """

    def __init__(self, moto: Operations, engine: Invoker, mapping: dict[str, Any], bell: Bell) -> None:
        self._moto = moto
        self._engine = engine
        self._bell = bell
        self._queue_arn: str = mapping["EventSourceArn"]
        self._function_arn: str = mapping["FunctionArn"]
        self._batch_max = int(mapping["BatchSize"])
        self._window_s = min(float(mapping.get("MaximumBatchingWindowInSeconds") or 0), WINDOW_MAX_S)
        self._reports = REPORT in (mapping.get("FunctionResponseTypes") or ())
        scaling = mapping.get("ScalingConfig") or {}
        self._free = asyncio.Semaphore(min(int(scaling.get("MaximumConcurrency") or CONCURRENCY), CONCURRENCY))
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Polls; ends with what it started."""
        try:
            while True:
                await self._free.acquire()
                try:
                    batch = await self._gather()
                except BaseException:
                    self._free.release()
                    raise
                task = asyncio.create_task(self._deliver(batch))
                self._tasks.add(task)
                task.add_done_callback(self._done)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _gather(self) -> list[dict[str, Any]]:
        """One batch: full, or as much as came within the window."""
        records: list[dict[str, Any]] = []
        until = 0.0
        while True:
            seen = self._bell.count
            found = await self._moto.call(
                "queue/receive", queue_arn=self._queue_arn, max=self._batch_max - len(records)
            )
            if found["records"] and not records:
                until = monotonic() + self._window_s
            records += found["records"]
            left_s = until - monotonic()
            # More was there and did not fit: the batch is as large as a payload may be.
            if records and (left_s <= 0 or len(records) >= self._batch_max or found["more"]):
                return records
            next_s = found["next_visible_ms"] / 1000 - time() if found["next_visible_ms"] else IDLE_S
            wait_s = left_s if records else min(max(next_s, 0.01), IDLE_S)
            await self._bell.wait(seen, wait_s)

    async def _deliver(self, records: list[dict[str, Any]]) -> None:
        payload = json.dumps({"Records": records}, separators=(",", ":")).encode()
        receipts = {record["messageId"]: record["receiptHandle"] for record in records}
        try:
            answer = await self._engine.invoke(self._function_arn, None, payload)
        except InvokeRefused as error:
            # The function never saw them: sooner again than the visibility timeout, later each time.
            tries = max(int(record["attributes"]["ApproximateReceiveCount"]) for record in records)
            delay_s = min(2 ** (tries - 1), RETRY_MAX_S)
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
        self._free.release()
        # What moto still refuses (a queue that is gone) ends with the mapping; anything else is a defect: show it.
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            if not isinstance(error, (MotoRefused, PlatformError)):
                asyncio.get_running_loop().call_exception_handler({"message": "SQS poller", "exception": error})
            else:
                sys.stderr.write(f"{self._queue_arn}: {error}\n")
