"""Keeps one poller running for each enabled event source mapping."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

from infra.local.bells import Bells
from infra.local.moto_client import MotoRefused, Operations
from infra.local.sqs_poller import IDLE_S, Invoker, SqsPoller
from infra.local.stream_poller import StreamPoller

RESTART_S = 1.0


@dataclass(slots=True)
class _Running:
    mapping: dict[str, Any]
    poller: SqsPoller | StreamPoller
    task: asyncio.Task[None]


class Pollers:
    """Follows the mappings as they come, change and go.

    Args:
        moto: Private operations.
        engine: Runs the functions.
        bells: `functions` says that mappings may have changed.
    """

    def __init__(self, moto: Operations, engine: Invoker, bells: Bells) -> None:
        self._moto = moto
        self._engine = engine
        self._bells = bells
        self._running: dict[str, _Running] = {}

    async def run(self) -> None:
        """Until cancelled; ends the pollers with it."""
        try:
            while True:
                seen = self._bells.functions.count
                await self.refresh()
                await self._bells.functions.wait(seen, IDLE_S)
        finally:
            for running in self._running.values():
                running.task.cancel()
            await asyncio.gather(*(running.task for running in self._running.values()), return_exceptions=True)

    async def refresh(self) -> None:
        """Starts, restarts and ends pollers so that they match the mappings there are."""
        mappings = {m["UUID"]: m for m in await self._moto.call("mappings") if m["State"] == "Enabled"}
        for uuid in list(self._running):
            running = self._running[uuid]
            if running.mapping != mappings.get(uuid):
                running.task.cancel()
                await asyncio.gather(running.task, return_exceptions=True)
                if uuid not in mappings:
                    del self._running[uuid]
        for uuid, mapping in mappings.items():
            before = self._running.get(uuid)
            if before is None or before.mapping != mapping:
                poller = self._make(mapping, before.poller if before else None)
                if poller is not None:
                    task = asyncio.create_task(self._keep_running(poller, mapping["EventSourceArn"]))
                    self._running[uuid] = _Running(mapping, poller, task)

    def status(self) -> list[dict[str, str]]:
        """Queue or stream, and the function it feeds."""
        return [
            {"source": running.mapping["EventSourceArn"], "function": running.mapping["FunctionArn"]}
            for running in self._running.values()
        ]

    def _make(
        self, mapping: dict[str, Any], before: SqsPoller | StreamPoller | None
    ) -> SqsPoller | StreamPoller | None:
        arn: str = mapping["EventSourceArn"]
        if mapping.get("FilterCriteria"):
            sys.stderr.write(
                f"{arn}: FilterCriteria are not applied here; {mapping['FunctionArn']} sees every record\n"
            )
        if ":sqs:" in arn:
            return SqsPoller(self._moto, self._engine, mapping, self._bells.queues)
        if ":dynamodb:" in arn:
            position = before.position if isinstance(before, StreamPoller) else None
            return StreamPoller(self._moto, self._engine, mapping, self._bells.tables, position)
        sys.stderr.write(f"{arn}: the local cloud has no poller for this kind of event source\n")
        return None

    async def _keep_running(self, poller: SqsPoller | StreamPoller, arn: str) -> None:
        """A poller that meets a refusal (its queue was deleted before its mapping) tries again later."""
        said = ""
        while True:
            try:
                await poller.run()
            except MotoRefused as error:
                if said != str(error):
                    said = str(error)
                    sys.stderr.write(f"{arn}: {said}\n")
                await asyncio.sleep(RESTART_S)
