from __future__ import annotations

import asyncio

from infra.local.bells import Bell


def test_a_ring_between_look_and_wait_is_not_lost() -> None:
    async def scenario() -> None:
        bell = Bell()
        seen = bell.count
        bell.ring()
        await bell.wait(seen)  # would hang if it were lost

    asyncio.run(asyncio.wait_for(scenario(), 5))


def test_a_ring_wakes_everybody() -> None:
    async def scenario() -> int:
        bell = Bell()
        waiting = [asyncio.create_task(bell.wait(bell.count)) for _ in range(3)]
        await asyncio.sleep(0)
        bell.ring()
        await asyncio.gather(*waiting)
        return len(waiting)

    assert asyncio.run(asyncio.wait_for(scenario(), 5)) == 3


def test_a_wait_ends_by_its_time() -> None:
    async def scenario() -> None:
        bell = Bell()
        await bell.wait(bell.count, 0.01)

    asyncio.run(asyncio.wait_for(scenario(), 5))


def test_a_waiter_that_is_cancelled_as_the_bell_rings_ends() -> None:
    async def scenario() -> bool:
        bell = Bell()
        task = asyncio.create_task(bell.wait(bell.count, 30))
        await asyncio.sleep(0)
        bell.ring()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert asyncio.run(scenario())
