"""Asynchronous calls: accepted at once, run in order of arrival, tried again as Lambda does, told to destinations.

Source: AWS Lambda Developer Guide, "Invoking a Lambda function asynchronously".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.event_records import (
    RETRIES_EXHAUSTED,
    SUCCESS,
    TOO_OLD,
    ZERO_CONCURRENCY,
    Event,
    dead_letter,
    dead_letter_attributes,
    destination_record,
)
from services_ai_sdk.emulator.pool import WORKERS_MAX
from services_ai_sdk.emulator.ports import Destinations
from services_ai_sdk.emulator.spec import EventSettings, FunctionSpec

HELD_BYTES_MAX = 256 * 1024 * 1024
"""Of all events that are not at their end, each counted as at least `_EVENT_BYTES_MIN`."""
FUNCTION_HELD_BYTES_MAX = HELD_BYTES_MAX // 4
_EVENT_BYTES_MIN = 2048
GENERATIONS_MAX = 16
"""Functions that are each other's destination would call each other for ever: Lambda ends such a loop here too."""


@dataclass(frozen=True, slots=True)
class EventWaits:
    """How long an event waits before it is tried again; the defaults are Lambda's.

    Args:
        after_error_s: After the first function error, and after the second.
        error_share: This share of it really passes; an event's age counts all of it.
        refused_first_s: After a throttle or a fault of the service; doubled each time.
        refused_max_s: At most.
    """

    after_error_s: tuple[float, float] = (60.0, 120.0)
    error_share: float = 1.0
    refused_first_s: float = 1.0
    refused_max_s: float = 300.0


LAMBDA_WAITS = EventWaits()
LAMBDA_AGE_MAX_S = EventSettings().age_max_s


class Runner(Protocol):
    """What the queue needs of the engine."""

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        """See `Engine.resolve`."""
        ...

    async def run_event(self, event: Event) -> InvokeAnswer:
        """Runs one event to its end, as `Engine.invoke` does."""
        ...

    async def invoke_event(
        self, function: str, qualifier: str | None, payload: bytes, *, trace: str = "", generation: int = 0
    ) -> str:
        """See `Engine.invoke_event`."""
        ...


@dataclass(slots=True)
class _Queue:
    """One function's events."""

    waiting: deque[Event] = field(default_factory=deque)
    at_once: int = WORKERS_MAX
    running: int = 0
    held: int = 0
    held_bytes: int = 0


class EventQueue:
    """The events of all functions.

    Args:
        runner: Runs them.
        destinations: Gets the outcomes.
        waits: Before a retry.
        now_s: Monotonic.
        now_ms: Since 1970.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        runner: Runner,
        destinations: Destinations,
        waits: EventWaits,
        now_s: Callable[[], float],
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._runner = runner
        self._destinations = destinations
        self._waits = waits
        self._now_s = now_s
        self._now_ms = now_ms
        self._sleep = sleep
        self._queues: dict[str, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, event: Event, spec: FunctionSpec) -> None:
        """Takes an event for a function.

        Raises:
            InvokeRefused: 429, the function or all of them have too many that are not at their end.
        """
        size_bytes = _held_bytes(event)
        queue = self._queues.get(event.function_arn) or _Queue()
        total_bytes = sum(each.held_bytes for each in self._queues.values())
        if queue.held_bytes + size_bytes > FUNCTION_HELD_BYTES_MAX or total_bytes + size_bytes > HELD_BYTES_MAX:
            raise InvokeRefused(
                429, "TooManyRequestsException", "Rate Exceeded.", reason="FunctionInvocationRateLimitExceeded"
            )
        self._queues[event.function_arn] = queue
        queue.held += 1
        queue.held_bytes += size_bytes
        queue.waiting.append(event)
        queue.at_once = _at_once(spec)
        self._next(queue)

    def status(self) -> list[dict[str, Any]]:
        """Functions that have events, and how far those are; plain data."""
        return [
            {
                "function": arn.rpartition(":")[2],
                "waiting": len(queue.waiting),
                "running": queue.running,
                "again_later": queue.held - len(queue.waiting) - queue.running,
            }
            for arn, queue in self._queues.items()
        ]

    async def close(self) -> None:
        """Ends: what was not run is lost."""
        tasks = list(self._tasks)
        for queue in self._queues.values():
            queue.waiting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._queues.clear()

    def _next(self, queue: _Queue) -> None:
        while queue.waiting and queue.running < queue.at_once:
            queue.running += 1
            self._spawn(self._run(queue, queue.waiting.popleft()))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "an asynchronous call", "exception": error}
            )

    async def _run(self, queue: _Queue, event: Event) -> None:
        again_s: float | None = None
        try:
            again_s = await self._try(queue, event)
        finally:
            queue.running -= 1
            if again_s is None:
                self._drop(queue, event)
            else:
                self._spawn(self._later(queue, event, again_s))
            self._next(queue)

    async def _later(self, queue: _Queue, event: Event, wait_s: float) -> None:
        await self._sleep(wait_s)
        queue.waiting.append(event)
        self._next(queue)

    def _drop(self, queue: _Queue, event: Event) -> None:
        queue.held -= 1
        queue.held_bytes -= _held_bytes(event)
        if not queue.held and self._queues.get(event.function_arn) is queue:
            del self._queues[event.function_arn]

    async def _try(self, queue: _Queue, event: Event) -> float | None:
        """One try. Returns after how long there shall be another one; None when the event is at its end."""
        settings: EventSettings | None = None
        try:
            spec = await self._runner.resolve(event.function_arn, event.qualifier)
            settings, role_arn, queue.at_once = spec.events, spec.role_arn, _at_once(spec)
            if spec.reserved_concurrency == 0:
                event.last = None
                await self._end(event, ZERO_CONCURRENCY, settings, role_arn)
                return None
            if self._is_older(event, settings.age_max_s):
                await self._end(event, TOO_OLD, settings, role_arn)
                return None
            answer = await self._runner.run_event(event)
        except InvokeRefused as refusal:
            event.last = refusal
            if refusal.status not in (409, 429) and refusal.status < 500:
                # The function, its version or alias is gone, and what was set for it.
                self._destinations.lost(event.function_arn, f"event {event.request_id}: {refusal}")
                return None
            if settings is None and self._is_older(event, LAMBDA_AGE_MAX_S):
                # Its function cannot even be looked up.
                self._destinations.lost(event.function_arn, f"event {event.request_id} is too old: {refusal}")
                return None
            event.refusals += 1
            return min(self._waits.refused_first_s * 2.0 ** min(event.refusals - 1, 32), self._waits.refused_max_s)
        event.last, event.refusals = answer, 0
        event.tries += 1
        if answer.function_error is None:
            await self._end(event, SUCCESS, settings, role_arn)
        elif event.tries > settings.retries_max:
            await self._end(event, RETRIES_EXHAUSTED, settings, role_arn)
        else:
            wait_s = self._waits.after_error_s[min(event.tries, 2) - 1]
            really_s = wait_s * self._waits.error_share
            event.skipped_s += wait_s - really_s
            return really_s
        return None

    def _is_older(self, event: Event, age_max_s: float) -> bool:
        return self._now_s() - event.accepted_s + event.skipped_s > age_max_s

    async def _end(self, event: Event, condition: str, settings: EventSettings, role_arn: str) -> None:
        destination = settings.on_success if condition == SUCCESS else settings.on_failure
        if destination and await self._may_send(event, role_arn, destination):
            record = destination_record(event, condition, self._now_ms())
            if ":lambda:" in destination:
                await self._pass_on(event, destination, record)
            else:
                await self._destinations.send(destination, record, {})
        dead_letters = settings.dead_letters if condition != SUCCESS else None
        if dead_letters and await self._may_send(event, role_arn, dead_letters):
            attributes = dead_letter_attributes(event)
            await self._destinations.send(dead_letters, dead_letter(event), attributes)

    async def _may_send(self, event: Event, role_arn: str, arn: str) -> bool:
        why = await self._destinations.refuses(role_arn, event.function_arn, arn)
        if why:
            self._destinations.lost(arn, f"the record of event {event.request_id}: {why}")
        return not why

    async def _pass_on(self, event: Event, arn: str, record: str) -> None:
        if event.generation >= GENERATIONS_MAX:
            why = f"event {event.request_id} came through {event.generation} functions: a loop, which ends here"
            self._destinations.lost(arn, why)
            return
        try:
            await self._runner.invoke_event(arn, None, record.encode(), generation=event.generation + 1)
        except InvokeRefused as refusal:
            self._destinations.lost(arn, f"the record of event {event.request_id}: {refusal}")


class SaidOnly:
    """`Destinations` where there are no queues and topics.

    Args:
        say: Told what is lost.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    async def send(self, arn: str, body: str, attributes: Mapping[str, tuple[str, str]]) -> None:
        """Nothing takes it."""
        del body, attributes
        self.lost(arn, "there are no queues or topics here")

    async def refuses(self, role_arn: str, function_arn: str, arn: str) -> str:
        """Nobody here knows of roles."""
        del role_arn, function_arn, arn
        return ""

    def lost(self, arn: str, why: str) -> None:
        """Says so."""
        self._say(f"not delivered to {arn}: {why}")


def _at_once(spec: FunctionSpec) -> int:
    """More than is reserved would only be refused, and come back out of order."""
    reserved = WORKERS_MAX if spec.reserved_concurrency is None else spec.reserved_concurrency
    return max(1, min(reserved, WORKERS_MAX))


def _held_bytes(event: Event) -> int:
    return max(len(event.payload), _EVENT_BYTES_MIN)
