"""`logs -f`: each call once, in order, also one whose record comes late."""

from __future__ import annotations

from itertools import islice

from control_plane.operations.clock import Clock
from control_plane.operations.logs import followed
from tests.contract.control_plane.fakes import returns
from tests.contract.control_plane.world import World


def test_the_latest_then_each_new_one_once(world: World) -> None:
    world.deploy("alpha", returns(1))
    for _ in range(4):
        world.clock.now += 1
        world.fire()
    world.record()
    waiting = list(world.sink.bodies)
    assert waiting == []
    clock = Clock(world.clock.now_s, world.clock.now_s, world.clock.sleep)
    looks = 0

    def meanwhile() -> None:
        nonlocal looks
        looks += 1
        if looks in (2, 5, 400):
            world.fire()
            world.record()

    lines = followed(world.activity, "alpha", clock, limit=2)
    first = list(islice(lines, 2))
    world.clock.on_sleep = meanwhile
    new = list(islice(lines, 3))
    assert looks == 400
    times = [entry.at_ms for entry in (*first, *new)]
    assert times == sorted(times)
    assert len({entry.invocation_id for entry in (*first, *new)}) == 5
    shown_before = {entry.invocation_id for entry in world.activity.log("alpha")} - {
        entry.invocation_id for entry in (*first, *new)
    }
    assert len(shown_before) == 2, "older ones than were asked for are not new"


def test_a_record_that_comes_late_is_shown(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.fire()
    late = list(world.sink.bodies)
    world.sink.bodies.clear()
    world.clock.now += 30
    world.fire()
    world.record()
    clock = Clock(world.clock.now_s, world.clock.now_s, world.clock.sleep)
    lines = followed(world.activity, "alpha", clock, limit=10)
    (shown,) = islice(lines, 1)
    world.sink.bodies[:] = late
    world.clock.on_sleep = lambda: world.record() if world.sink.bodies else None
    (second,) = islice(lines, 1)
    assert second.at_ms < shown.at_ms
