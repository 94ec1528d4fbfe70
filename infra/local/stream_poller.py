"""A table's stream as an event source mapping: records in order, retried from where they failed."""

from __future__ import annotations

import asyncio
import json
import sys
from time import time
from typing import Any

from infra.local.batch_failures import REPORT, failed_items
from infra.local.bells import Bell
from infra.local.moto_client import Operations
from infra.local.sqs_poller import IDLE_S, WINDOW_MAX_S, Invoker
from services_ai_sdk.emulator.errors import InvokeRefused

SETTLE_S = 0.1
"""Waited after a write before reading, so that a burst is one batch; Lambda looks four times a second."""

RETRY_FIRST_S = 0.2
RETRY_MAX_S = 10.0


class StreamPoller:
    """Polls one stream for one function until it is cancelled.

    Args:
        moto: Private operations.
        engine: Runs the function.
        mapping: As Lambda's API describes it, with `StreamHead`: where the stream stood when the mapping was made.
        bell: Rings when a table changed.
        position: Sequence number after which to begin; for a mapping that was changed while it ran.
    """

    def __init__(
        self, moto: Operations, engine: Invoker, mapping: dict[str, Any], bell: Bell, position: str | None = None
    ) -> None:
        self._moto = moto
        self._engine = engine
        self._bell = bell
        self._stream_arn: str = mapping["EventSourceArn"]
        self._function_arn: str = mapping["FunctionArn"]
        self._batch_max = int(mapping["BatchSize"])
        self._window_s = min(float(mapping.get("MaximumBatchingWindowInSeconds") or 0), WINDOW_MAX_S)
        self._reports = REPORT in (mapping.get("FunctionResponseTypes") or ())
        self._bisects = bool(mapping.get("BisectBatchOnFunctionError"))
        attempts = mapping.get("MaximumRetryAttempts")
        self._retries_max = -1 if attempts is None else int(attempts)
        destination = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
        self._destination: str = destination.get("Destination") or ""
        if position is None:
            position = mapping.get("StreamHead", "") if mapping.get("StartingPosition") == "LATEST" else ""
        self.position: str = position
        self.in_flight = 0

    async def run(self) -> None:
        """Polls for ever."""
        while True:
            seen = self._bell.count
            records = await self._read()
            if not records:
                await self._bell.wait(seen, IDLE_S)
                await asyncio.sleep(SETTLE_S)
                continue
            if self._window_s and len(records) < self._batch_max:
                await asyncio.sleep(self._window_s)
                records = await self._read()
            await self._deliver(records)

    async def _read(self) -> list[dict[str, Any]]:
        found = await self._moto.call(
            "stream/read", stream_arn=self._stream_arn, after=self.position, limit=self._batch_max
        )
        records: list[dict[str, Any]] = found["records"]
        return records

    async def _deliver(self, records: list[dict[str, Any]]) -> None:
        """Until all are accepted or given up. Order: nothing behind a failing record goes before it."""
        attempt = refusals = 0
        while records:
            try:
                accepted, reason = await self._invoke(records)
            except InvokeRefused as error:
                # The function never saw them: neither an attempt of theirs nor a reason to take them apart.
                sys.stderr.write(f"{self._function_arn}: {error}; {len(records)} stream records wait\n")
                refusals += 1
                await asyncio.sleep(_delay_s(refusals))
                continue
            refusals = 0
            if accepted:
                self.position = _sequence(records[accepted - 1])
                records = records[accepted:]
                attempt = 0
                if not records:
                    return
            elif self._bisects and len(records) > 1:
                await self._deliver(records[: len(records) // 2])
                records = records[len(records) // 2 :]
                continue
            attempt += 1
            if 0 <= self._retries_max < attempt:
                await self._give_up(records, attempt, reason)
                return
            await asyncio.sleep(_delay_s(attempt))

    async def _invoke(self, records: list[dict[str, Any]]) -> tuple[int, str]:
        """How many were accepted, from the first on, and why not all.

        Raises:
            InvokeRefused: Throttled, or refused in another way.
        """
        payload = json.dumps({"Records": records}, separators=(",", ":")).encode()
        self.in_flight = 1
        try:
            answer = await self._engine.invoke(self._function_arn, None, payload)
        finally:
            self.in_flight = 0
        if answer.function_error is not None:
            sys.stderr.write(f"{self._function_arn} failed on {len(records)} records: {answer.payload[:500]!r}\n")
            return 0, "Unhandled"
        order = [_sequence(record) for record in records]
        failed = failed_items(answer.payload, set(order)) if self._reports else set()
        accepted = next((index for index, number in enumerate(order) if number in failed), len(order))
        return accepted, "" if accepted == len(order) else "RetryAttemptsExhausted"

    async def _give_up(self, records: list[dict[str, Any]], attempts: int, reason: str) -> None:
        """Lambda sends where the records lie, not the records themselves, and goes on behind them."""
        first, last = records[0], records[-1]
        message = {
            "requestContext": {
                "functionArn": self._function_arn,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": attempts,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": reason},
            "version": "1.0",
            "timestamp": int(time() * 1000),
            "DDBStreamBatchInfo": {
                "streamArn": self._stream_arn,
                "startSequenceNumber": _sequence(first),
                "endSequenceNumber": _sequence(last),
                "batchSize": len(records),
            },
        }
        where = self._destination or "nowhere (the mapping has no destination)"
        sys.stderr.write(
            f"{self._function_arn} refused {len(records)} records {attempts} times: given up, to {where}\n"
        )
        if ":sqs:" in self._destination:
            await self._moto.call("queue/send", queue_arn=self._destination, body=json.dumps(message))
        self.position = _sequence(last)


def _sequence(record: dict[str, Any]) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _delay_s(tries: int) -> float:
    return float(min(RETRY_FIRST_S * 2 ** min(tries - 1, 16), RETRY_MAX_S))
