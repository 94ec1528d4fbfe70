"""Topics and buckets that trigger functions: what moto's process keeps for them becomes asynchronous calls."""

from __future__ import annotations

import sys
from typing import Protocol

from infra.local.bells import Bell
from infra.local.moto_client import Operations
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.wire.errors import PlatformError

LOOK_S = 5.0
"""Looks at least this often, whatever the bell said."""


class EventInvoker(Protocol):
    """What triggers need of the engine."""

    async def invoke_event(self, function: str, qualifier: str | None, payload: bytes) -> str:
        """Takes an event for later."""
        ...


class Triggers:
    """Takes events until it is cancelled.

    Args:
        moto: Private operations.
        engine: Runs the functions.
        bell: Rings when a topic or a bucket may have triggered something.
    """

    def __init__(self, moto: Operations, engine: EventInvoker, bell: Bell) -> None:
        self._moto = moto
        self._engine = engine
        self._bell = bell

    async def run(self) -> None:
        """For ever."""
        while True:
            seen = self._bell.count
            try:
                taken = await self._moto.call("triggered")
            except PlatformError as error:
                sys.stderr.write(f"the events of topics and buckets cannot be read: {error}\n")
                taken = []
            for one in taken:
                try:
                    await self._engine.invoke_event(one["function_arn"], None, one["payload"].encode())
                except InvokeRefused as error:
                    sys.stderr.write(f"not delivered: {one['function_arn']} was triggered: {error}\n")
            if not taken:
                await self._bell.wait(seen, LOOK_S)
