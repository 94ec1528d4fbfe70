"""A table's stream as an event source mapping: records in order, retried from where they failed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from time import time
from typing import Any

from infra.local.batch_failures import REPORT, failed_items
from infra.local.bells import Bell
from infra.local.event_filters import make_filter
from infra.local.given_up import RETRIES_EXHAUSTED, TOO_OLD, LastAnswer, created_s, message
from infra.local.moto_client import Operations
from infra.local.sqs_poller import IDLE_S, WINDOW_MAX_S, Invoker
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.ports import Destinations

SETTLE_S = 0.1
"""Waited after a write before reading, so that a burst is one batch; Lambda looks four times a second."""

RETRY_FIRST_S = 0.2
RETRY_MAX_S = 10.0


class StreamPoller:
    """Polls one stream for one function until it is cancelled.

    Args:
        moto: Private operations.
        engine: Runs the function.
        destinations: Where it is said which records were given up.
        mapping: As Lambda's API describes it, with `StreamHead`: where the stream stood when the mapping was made.
        bell: Rings when a table changed.
        position: Sequence number after which to begin; empty for a mapping that never got anywhere.
        now_s: Unix seconds.
    """

    def __init__(
        self,
        moto: Operations,
        engine: Invoker,
        destinations: Destinations,
        mapping: dict[str, Any],
        bell: Bell,
        position: str = "",
        now_s: Callable[[], float] = time,
    ) -> None:
        self._moto = moto
        self._engine = engine
        self._destinations = destinations
        self._bell = bell
        self._now_s = now_s
        self._uuid: str = mapping.get("UUID", "")
        self._stream_arn: str = mapping["EventSourceArn"]
        self._function_arn: str = mapping["FunctionArn"]
        self._batch_max = int(mapping["BatchSize"])
        self._window_s = min(float(mapping.get("MaximumBatchingWindowInSeconds") or 0), WINDOW_MAX_S)
        self._reports = REPORT in (mapping.get("FunctionResponseTypes") or ())
        self._bisects = bool(mapping.get("BisectBatchOnFunctionError"))
        self._wants = make_filter(mapping.get("FilterCriteria"), self._stream_arn)
        self._retries_max = _limit(mapping.get("MaximumRetryAttempts"))
        self._age_max_s = _limit(mapping.get("MaximumRecordAgeInSeconds"))
        destination = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
        self._destination: str = destination.get("Destination") or ""
        if not position:
            position = mapping.get("StreamHead", "") if mapping.get("StartingPosition") == "LATEST" else ""
        self.position: str = position
        self.in_flight = 0
        self._shard_id = ""
        self._answer = LastAnswer()

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
            await self._deliver([one for one in records if self._wants is None or self._wants(one)])
            # Also behind those that no filter wants.
            self.position = _sequence(records[-1])

    async def _read(self) -> list[dict[str, Any]]:
        found = await self._moto.call(
            "stream/read",
            stream_arn=self._stream_arn,
            mapping=self._uuid,
            after=self.position,
            limit=self._batch_max,
        )
        self._shard_id = found["shard_id"]
        records: list[dict[str, Any]] = found["records"]
        return records

    async def _deliver(self, records: list[dict[str, Any]]) -> None:
        """Until all are accepted or given up. Order: nothing behind a failing record goes before it."""
        attempt = refusals = 0
        while records:
            too_old = self._too_old(records)
            if too_old:
                await self._give_up(records[:too_old], attempt, TOO_OLD)
                records = records[too_old:]
                attempt = 0
                continue
            try:
                accepted = await self._invoke(records)
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
                await self._give_up(records, attempt, RETRIES_EXHAUSTED)
                return
            await asyncio.sleep(_delay_s(attempt))

    def _too_old(self, records: list[dict[str, Any]]) -> int:
        """How many of the first ones are older than the mapping wants them."""
        if self._age_max_s < 0:
            return 0
        oldest_s = self._now_s() - self._age_max_s
        return next((i for i, record in enumerate(records) if created_s(record) >= oldest_s), len(records))

    async def _invoke(self, records: list[dict[str, Any]]) -> int:
        """How many were accepted, from the first on.

        Raises:
            InvokeRefused: Throttled, or refused in another way.
        """
        payload = json.dumps({"Records": records}, separators=(",", ":")).encode()
        self.in_flight = 1
        try:
            answer = await self._engine.invoke(self._function_arn, None, payload)
        finally:
            self.in_flight = 0
        self._answer = LastAnswer(answer.request_id, answer.executed_version, answer.function_error)
        if answer.function_error is not None:
            sys.stderr.write(f"{self._function_arn} failed on {len(records)} records: {answer.payload[:500]!r}\n")
            return 0
        order = [_sequence(record) for record in records]
        failed = failed_items(answer.payload, set(order)) if self._reports else set()
        return next((index for index, number in enumerate(order) if number in failed), len(order))

    async def _give_up(self, records: list[dict[str, Any]], attempts: int, condition: str) -> None:
        """Says where they lie, and goes on behind them."""
        where = self._destination or "nowhere (the mapping has no destination)"
        sys.stderr.write(
            f"{self._function_arn}: {len(records)} records given up after {attempts} attempts ({condition}),"
            f" to {where}\n"
        )
        if self._destination:
            body = message(
                records,
                function_arn=self._function_arn,
                stream_arn=self._stream_arn,
                shard_id=self._shard_id,
                condition=condition,
                attempts=attempts,
                answer=self._answer if attempts else LastAnswer(),
                now_s=self._now_s(),
            )
            await self._destinations.send(self._destination, json.dumps(body), {})
        self.position = _sequence(records[-1])


def _limit(value: Any) -> int:
    """Lambda's -1 for none, also where nothing is said."""
    return -1 if value is None else int(value)


def _sequence(record: dict[str, Any]) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _delay_s(tries: int) -> float:
    return float(min(RETRY_FIRST_S * 2 ** min(tries - 1, 16), RETRY_MAX_S))
