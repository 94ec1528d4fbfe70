"""How much memory a worker has, and what becomes of one that has too much where no control group stops it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from services_ai_sdk.emulator.launch import Process
from services_ai_sdk.emulator.memory import memory_mb_of, tree_memory_mb

MEMORY_LOOKED_AT_S = 0.1


class WorkerMemory:
    """Of one worker and all that it started.

    Args:
        process: The worker's.
        limit_mb: MemorySize.
        now_s: Monotonic.
        too_much: Told once that it has more than its limit.
    """

    def __init__(
        self, process: Process, limit_mb: int, now_s: Callable[[], float], too_much: Callable[[], None]
    ) -> None:
        self._process = process
        self._limit_mb = limit_mb
        self._now_s = now_s
        self._too_much = too_much
        self._highest_mb = 0
        self._looked_at_s = -math.inf
        self._watch: asyncio.TimerHandle | None = None
        self._ended = False

    def highest_mb(self) -> int:
        """Highest resident memory of the worker itself so far; looked at again only every 100 ms."""
        now_s = self._now_s()
        if now_s - self._looked_at_s >= MEMORY_LOOKED_AT_S:
            self._looked_at_s = now_s
            self._highest_mb = max(self._highest_mb, memory_mb_of(self._process.worker_pid, b"VmHWM:"))
        return self._highest_mb

    def own_mb(self) -> int:
        """What it has for itself now, with all that it started: neither files nor /tmp."""
        return tree_memory_mb(self._process.outer.pid, self._limit_mb)

    def watch(self) -> None:
        """Looks at it until it has too much, or has ended."""
        if self._ended:
            return
        if self.own_mb() > self._limit_mb:
            self._too_much()
        else:
            self._watch = asyncio.get_running_loop().call_later(MEMORY_LOOKED_AT_S, self.watch)

    def end(self) -> None:
        """Looks no more."""
        self._ended = True
        if self._watch is not None:
            self._watch.cancel()
