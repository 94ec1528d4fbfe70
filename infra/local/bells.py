"""How a request that changed something wakes those who wait for changes."""

from __future__ import annotations

import asyncio


class Bell:
    """Rings for everybody who waits; a ring between a look and the wait is not lost.

    Take `count`, look, then `wait(count)`.
    """

    def __init__(self) -> None:
        self.count = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Something changed."""
        self.count += 1
        for future in self._waiting:
            _settle(future)
        self._waiting.clear()

    async def wait(self, seen: int, timeout_s: float | None = None) -> None:
        """Returns once the bell has rung since `seen` was its count, or the time is over."""
        if self.count != seen:
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.add(future)
        # Not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes together with a ring.
        timer = loop.call_later(timeout_s, _settle, future) if timeout_s is not None else None
        try:
            await future
        finally:
            self._waiting.discard(future)
            if timer is not None:
                timer.cancel()


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Bells:
    """One for each thing that others wait for."""

    def __init__(self) -> None:
        self.queues = Bell()
        self.tables = Bell()
        self.functions = Bell()
