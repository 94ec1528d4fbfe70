"""Keeps one poller running for each enabled event source mapping."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from infra.local.bells import Bells
from infra.local.destinations import MotoDestinations
from infra.local.moto_client import MotoRefused, Operations
from infra.local.sqs_poller import IDLE_S, Invoker, SqsPoller
from infra.local.stream_poller import StreamPoller
from services_ai_sdk.wire.errors import PlatformError

RESTART_S = 1.0
RESTART_MAX_S = 30.0


@dataclass(slots=True)
class _Troubles:
    """What one poller has met that nobody expected.

    Attributes:
        count: How often.
        last: The last of it, in words.
        refused: What it was refused last, as by a queue that is gone.
        refused_at_s: When, monotonic.
    """

    count: int = 0
    last: str = ""
    refused: str = ""
    refused_at_s: float = 0.0

    def refused_now(self) -> str:
        """What it is refused: longer ago than it takes to try again, it is over."""
        return self.refused if monotonic() - self.refused_at_s < 2 * RESTART_MAX_S else ""


@dataclass(slots=True)
class _Running:
    mapping: dict[str, Any]
    poller: SqsPoller | StreamPoller
    task: asyncio.Task[None]
    troubles: _Troubles


class Pollers:
    """Follows the mappings as they come, change and go.

    Args:
        moto: Private operations.
        engine: Runs the functions.
        bells: `functions` says that mappings may have changed.
        batches_max: Batches of one queue at once that the engine has workers for.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        moto: Operations,
        engine: Invoker,
        bells: Bells,
        batches_max: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._moto = moto
        self._engine = engine
        self._destinations = MotoDestinations(moto, bells)
        self._bells = bells
        self._batches_max = batches_max
        self._sleep = sleep
        self._running: dict[str, _Running] = {}
        self._queue_pollers: set[SqsPoller] = set()
        """Also those whose last batches are still with their functions."""
        self._finishing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled; ends the pollers with it."""
        try:
            while True:
                seen = self._bells.functions.count
                try:
                    await self.refresh()
                except (MotoRefused, PlatformError) as error:
                    sys.stderr.write(f"the event source mappings cannot be read: {error}\n")
                    await self._sleep(RESTART_S)
                    continue
                await self._bells.functions.wait(seen, IDLE_S)
        finally:
            tasks = [*(running.task for running in self._running.values()), *self._finishing]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for poller in self._queue_pollers:
                await poller.end()

    async def refresh(self) -> None:
        """Starts, restarts and ends pollers so that they match the mappings there are."""
        found = await self._moto.call("mappings")
        # A position that moves is no change of the mapping.
        positions = {mapping["UUID"]: mapping.pop("Position", "") for mapping in found}
        mappings = {mapping["UUID"]: mapping for mapping in found if mapping["State"] == "Enabled"}
        for uuid in list(self._running):
            running = self._running[uuid]
            if running.mapping != mappings.get(uuid):
                running.task.cancel()
                await asyncio.gather(running.task, return_exceptions=True)
                if isinstance(running.poller, SqsPoller):
                    # What is with the function is not with it twice: only new batches follow the change.
                    self._finish(running.poller)
                if uuid not in mappings:
                    del self._running[uuid]
        for uuid, mapping in mappings.items():
            before = self._running.get(uuid)
            if before is None or before.mapping != mapping:
                poller = self._make(mapping, before.poller if before else None, positions[uuid])
                if poller is not None:
                    troubles = before.troubles if before else _Troubles()
                    task = asyncio.create_task(self._keep_running(poller, mapping["EventSourceArn"], troubles))
                    self._running[uuid] = _Running(mapping, poller, task, troubles)

    def status(self) -> list[dict[str, Any]]:
        """Queue or stream, the function it feeds, batches with it, and how often the poller met the unexpected."""
        return [
            {
                "source": running.mapping["EventSourceArn"],
                "function": running.mapping["FunctionArn"],
                "in_flight": running.poller.in_flight,
                "refused": running.troubles.refused_now(),
                "errors": running.troubles.count,
                "last_error": running.troubles.last,
            }
            for running in self._running.values()
        ]

    def _make(
        self, mapping: dict[str, Any], before: SqsPoller | StreamPoller | None, position: str
    ) -> SqsPoller | StreamPoller | None:
        arn: str = mapping["EventSourceArn"]
        if ":sqs:" in arn:
            poller = SqsPoller(self._moto, self._engine, mapping, self._bells.queues, self._batches_max)
            self._queue_pollers.add(poller)
            return poller
        if ":dynamodb:" in arn:
            if isinstance(before, StreamPoller):
                position = before.position
            return StreamPoller(
                self._moto, self._engine, self._destinations, mapping, self._bells.tables, position
            )
        sys.stderr.write(f"{arn}: the local cloud has no poller for this kind of event source\n")
        return None

    def _finish(self, poller: SqsPoller) -> None:
        task = asyncio.create_task(poller.finish())
        self._finishing.add(task)

        def finished(_: asyncio.Task[None]) -> None:
            self._finishing.discard(task)
            if not poller.in_flight:
                self._queue_pollers.discard(poller)

        task.add_done_callback(finished)

    async def _keep_running(self, poller: SqsPoller | StreamPoller, arn: str, troubles: _Troubles) -> None:
        """A poller that fails tries again later: nobody else would notice that it has ended."""
        said = ""
        tries = 0
        while True:
            since = monotonic()
            try:
                await poller.run()
            except (MotoRefused, PlatformError) as error:
                # A queue that was deleted before its mapping, a connection that broke off.
                text = str(error)
                troubles.refused, troubles.refused_at_s = text, monotonic()
                if said != text:
                    said = text
                    sys.stderr.write(f"{arn}: {text}\n")
            except Exception as error:  # noqa: BLE001 - a defect: counted, shown with its trace, and the others go on
                troubles.count += 1
                troubles.last = f"{type(error).__name__}: {error}"
                asyncio.get_running_loop().call_exception_handler(
                    {"message": f"the poller of {arn}", "exception": error}
                )
            tries = 0 if monotonic() - since > RESTART_MAX_S else tries + 1
            await self._sleep(min(RESTART_S * 2 ** max(tries - 1, 0), RESTART_MAX_S))
