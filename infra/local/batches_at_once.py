"""How many batches of one queue run at once: what Lambda starts with, more while there is a backlog.

Source: AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from infra.local.bells import Bell

START = 5
"""Batches that Lambda starts with."""

GROWTH_PER_S = 5.0
"""300 more a minute."""


class BatchesAtOnce:
    """Counts the batches that run.

    Args:
        at_most: The mapping's MaximumConcurrency and the engine's places for one function, whichever is less.
        now_s: Monotonic seconds.
    """

    def __init__(self, at_most: int, now_s: Callable[[], float] = monotonic) -> None:
        self._at_most = at_most
        self._now_s = now_s
        self._backlog_since_s: float | None = None
        self._freed = Bell()
        self.running = 0

    @property
    def limit(self) -> int:
        """How many may run now."""
        grown = 0.0
        if self._backlog_since_s is not None:
            grown = (self._now_s() - self._backlog_since_s) * GROWTH_PER_S
        return min(self._at_most, START + int(grown))

    def saw(self, *, backlog: bool) -> None:
        """What the last look at the queue found: more than fitted into one batch, or not."""
        if not backlog:
            self._backlog_since_s = None
        elif self._backlog_since_s is None:
            self._backlog_since_s = self._now_s()

    async def begin(self) -> None:
        """One more runs: once it may."""
        while self.running >= self.limit:
            # The limit grows without anybody saying so.
            grows_s = 1 / GROWTH_PER_S if self.limit < self._at_most else None
            await self._freed.wait(self._freed.count, grows_s)
        self.running += 1

    def end(self) -> None:
        """One less."""
        self.running -= 1
        self._freed.ring()
