"""Who gets the engine's places for workers: whoever has the fewest workers, then whoever has waited longest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from services_ai_sdk.emulator.memory_ceiling import MemoryCeiling

if TYPE_CHECKING:
    from services_ai_sdk.emulator.pool import Pool

_TENURE_S = 0.5
"""So long a function's only worker serves before it gives way to a function that has none: a start costs time."""


class Room:
    """The places of all pools together.

    Args:
        workers_max: How many there are.
        memory: How much of it all workers may have: one place less is free where another worker does not fit.
        pools: All pools that may have workers.
        now_s: Monotonic.
    """

    def __init__(
        self,
        workers_max: int,
        memory: MemoryCeiling,
        pools: Callable[[], Iterable[Pool]],
        now_s: Callable[[], float],
    ) -> None:
        self.workers_max = workers_max
        self._memory = memory
        self.lacking: dict[Pool, None] = {}
        """Pools that were refused a place, in the order in which they began to lack it."""
        self._pools = pools
        self._now_s = now_s

    def take(self, pool: Pool) -> bool:
        """Whether a pool may start a worker; where no place is free, the longest idle worker gives way."""
        pools = list(self._pools())
        idle = [(worker.idle_since_s, worker.pid, worker, owner) for owner in pools for worker in owner.idle()]
        free = max(0, self.workers_max - sum(each.places for each in pools))
        if not self._memory.fits(pool):
            free = 0
        if free + len(idle) <= len(self._ahead_of(pool)):
            self.lacking.setdefault(pool)
            return False
        if not free:
            _, _, worker, owner = min(idle)
            owner.drop(worker)
        self.lacking.pop(pool, None)
        if pool.looking > 1:
            self.lacking[pool] = None
        return True

    def freed(self) -> None:
        """A place became free, or a worker idle that may give way: who lacks one looks again, in order."""
        ranked = sorted((each.size, order, each) for order, each in enumerate(self.lacking))
        self.lacking = {each: None for each in self.lacking if each.wants_room()}
        for _, _, pool in ranked:
            pool.wake()

    def owes_another(self, pool: Pool, started_s: float) -> bool:
        """Whether a worker of `pool`, started then, should end so that another pool gets its place.

        Without this a few functions whose callers never pause would keep every place for ever.
        """
        is_tenured = self._now_s() - started_s >= _TENURE_S
        owed = [
            each
            for each in self.lacking
            if each is not pool
            and each.wants_room()
            and (each.size + 1 < pool.size or (each.size == 0 and is_tenured))
        ]
        return len(owed) > sum(each.ending for each in self._pools()) if owed else False

    def _ahead_of(self, pool: Pool) -> list[Pool]:
        ranks = {each: (each.size, order) for order, each in enumerate(self.lacking)}
        own = ranks.get(pool, (pool.size, len(ranks)))
        return [each for each, rank in ranks.items() if rank < own and each.wants_room()]
