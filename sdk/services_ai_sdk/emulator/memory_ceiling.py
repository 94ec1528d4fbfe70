"""How much memory all workers together may have."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from services_ai_sdk.emulator.worker import Phase

if TYPE_CHECKING:
    from services_ai_sdk.emulator.pool import Pool

NEW_WORKER_MB = 32
"""What a worker is reckoned at before it has been looked at: twice that of an empty function."""
CEILING_SHARE = 0.5
"""Of this machine's memory: the rest is for whoever works on it."""


def half_of_memory_mb() -> int:
    """Of this machine, whatever is free of it."""
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * CEILING_SHARE) >> 20


class MemoryCeiling:
    """Looks at the workers now and then; what there is between two looks is reckoned.

    Args:
        ceiling_mb: What all workers may have together; a worker that is busy is never ended for it.
        pools: All pools that may have workers.
    """

    def __init__(self, ceiling_mb: int, pools: Callable[[], Iterable[Pool]]) -> None:
        self.ceiling_mb = ceiling_mb
        self._pools = pools

    @property
    def used_mb(self) -> int:
        """Of all workers but those that are about to be gone, as far as it is known."""
        return sum(
            sum(worker.memory_mb or NEW_WORKER_MB for worker in pool.workers if worker.phase is not Phase.ENDING)
            + pool.starting * NEW_WORKER_MB
            for pool in self._pools()
        )

    def fits(self, pool: Pool) -> bool:
        """Whether one more worker of `pool` does. The very first always does: else nothing would run."""
        used_mb = self.used_mb
        expected_mb = max((worker.memory_mb for worker in pool.workers), default=0) or NEW_WORKER_MB
        return used_mb == 0 or used_mb + expected_mb <= self.ceiling_mb

    def look(self) -> None:
        """Looks at every worker, and ends those that have been idle longest while there is too much."""
        pools = list(self._pools())
        for pool in pools:
            for worker in pool.workers:
                worker.memory_mb = worker.memory.own_mb()
        idle = sorted(
            ((worker.idle_since_s, worker.pid, worker, pool) for pool in pools for worker in pool.idle()),
            reverse=True,
        )
        used_mb = self.used_mb
        while used_mb > self.ceiling_mb and idle:
            _, _, worker, pool = idle.pop()
            used_mb -= worker.memory_mb
            pool.drop(worker)
