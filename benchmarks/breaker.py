"""Breaker, simulated: a plugin with 1 % errors never trips in 6 h, one that is wholly down trips within a second.

Runs the very functions of `control_plane.rules.breaker` in simulated time. Only what can change a breaker is an
event: a failure's write, and, while a run of failures is not empty, the reads and clears of successes. Skipping
the other successes changes nothing: arrivals are a Poisson process, and so are the instants at which their reads
land, whatever happened before (displacement and memorylessness), so the next one can be drawn when it is needed.

Environments differ by what they last saw: the plugin is deployed anew every ten minutes, and an environment goes
on with the old epoch until its next end-of-call read, or for `FRESHNESS_S` at most.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from control_plane.rules import breaker
from control_plane.rules.breaker import Admission, BreakerState, Evidence, State
from services_ai_sdk.wire.limits import CONSECUTIVE_FAILURES_MAX

HOOK = "lead_created"
LATENCY_S = (0.002, 0.015)
"""A DynamoDB call from Lambda, shortest and longest."""
FRESHNESS_S = 5.0
DEPLOY_EVERY_S = 600.0


@dataclass(frozen=True, slots=True)
class Healthy:
    """One run of a plugin that sometimes fails."""

    error_rate: float
    calls_per_s: float
    environments: int
    hours: float
    failures: int
    fullest_run: int
    full_sets_met: int
    trips: int


@dataclass(frozen=True, slots=True)
class Down:
    """One run of a plugin that always fails, or starts to.

    Attributes:
        fifth_to_trip_s: From the fifth failure's write to the write that switches it off.
        calls_after_trip: How many calls still reached the plugin.
        last_call_after_s: When the last of them started, after the trip.
    """

    calls_per_s: float
    environments: int
    tripped: bool
    fifth_to_trip_s: float
    calls_after_trip: int
    last_call_after_s: float


class _World:
    """The one breaker item, and the events on their way to it."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.item = BreakerState()
        self.now_s = 0.0
        self._events: list[tuple[float, int, Iterator[float]]] = []
        self._ids = itertools.count()

    def start(self, process: Iterator[float], at_s: float) -> None:
        """Runs a generator that yields how long it waits."""
        heapq.heappush(self._events, (at_s, next(self._ids), process))

    def run(self, until_s: float) -> None:
        """Until the time is over or nothing is left to happen."""
        while self._events and self._events[0][0] <= until_s:
            self.now_s, _, process = heapq.heappop(self._events)
            try:
                self.start(process, self.now_s + next(process))
            except StopIteration:
                continue

    def latency_s(self) -> float:
        """How long one call to the table takes, one way and back."""
        return self.random.uniform(*LATENCY_S)

    def after_failure(self, call_id: str, epoch: int, on_trip: list[float]) -> Iterator[float]:
        """What a caller does whose plugin failed: write, and confirm a full set before it trips."""
        self.item = breaker.record_failure(self.item, HOOK, call_id, epoch)
        seen = self.item
        if not breaker.is_full(seen, HOOK, epoch):
            return
        yield self.latency_s() + breaker.CONFIRM_S
        now = self.item
        yield self.latency_s()
        # The trip itself is conditional on the same five ids, so the state it meets is what decides.
        if breaker.confirms(seen, now, HOOK) and breaker.confirms(seen, self.item, HOOK):
            evidence = Evidence(HOOK, tuple(sorted(seen.run(HOOK))))
            self.item = breaker.trip(self.item, evidence, self.now_s, self.random.random())
            on_trip.append(self.now_s)


class _Environments:
    """The epochs that environments have in mind; the calls that are skipped refresh them too."""

    def __init__(self, world: _World, count: int, calls_per_s: float) -> None:
        self._world = world
        self._epochs = [world.item.epoch] * count
        self._looked_at_s = [0.0] * count
        self._rate = calls_per_s / count
        self.deployed_at_s = 0.0

    def epoch_of_a_call(self) -> int:
        """The epoch under which a call in a random environment ran."""
        world = self._world
        here = world.random.randrange(len(self._epochs))
        if self._epochs[here] != world.item.epoch:
            unseen_s = world.now_s - max(self.deployed_at_s, self._looked_at_s[here])
            too_old = world.now_s - self.deployed_at_s >= FRESHNESS_S
            if too_old or world.random.random() > math.exp(-self._rate * unseen_s):
                self._epochs[here] = world.item.epoch
        seen = self._epochs[here]
        self._epochs[here], self._looked_at_s[here] = world.item.epoch, world.now_s
        return seen


def healthy(error_rate: float, calls_per_s: float, environments: int, hours: float, seed: int = 1) -> Healthy:
    """A plugin that fails now and then, for so many simulated hours."""
    world = _World(f"{seed}/{error_rate}/{calls_per_s}/{environments}")
    trips: list[float] = []
    counted = {"failures": 0, "fullest": 0, "full": 0}
    clearing = False
    fleet = _Environments(world, environments, calls_per_s)

    def deploys() -> Iterator[float]:
        while True:
            yield DEPLOY_EVERY_S
            world.item = breaker.deploy(world.item, world.now_s, "simulation", "deploy")
            fleet.deployed_at_s = world.now_s

    def successes() -> Iterator[float]:
        """Reads of successes, for as long as there is something to find."""
        nonlocal clearing
        while world.item.run(HOOK):
            yield world.random.expovariate(calls_per_s * (1 - error_rate))
            epoch = fleet.epoch_of_a_call()
            found = breaker.needs_clear(world.item, HOOK, epoch)
            if found:
                world.start(clear(found, epoch), world.now_s + world.latency_s())
        clearing = False

    def clear(found: frozenset[str], epoch: int) -> Iterator[float]:
        world.item = breaker.clear(world.item, HOOK, found, epoch)
        yield from ()

    def failures() -> Iterator[float]:
        nonlocal clearing
        while True:
            yield world.random.expovariate(calls_per_s * error_rate)
            counted["failures"] += 1
            epoch = fleet.epoch_of_a_call()
            world.start(world.after_failure(str(counted["failures"]), epoch, trips), world.now_s)
            world.start(look(), world.now_s)
            if not clearing:
                clearing = True
                world.start(successes(), world.now_s)

    def look() -> Iterator[float]:
        size = len(world.item.run(HOOK))
        counted["fullest"] = max(counted["fullest"], size)
        counted["full"] += size >= CONSECUTIVE_FAILURES_MAX
        yield from ()

    world.start(deploys(), 0.0)
    world.start(failures(), 0.0)
    world.run(hours * 3600)
    return Healthy(
        error_rate=error_rate,
        calls_per_s=calls_per_s,
        environments=environments,
        hours=hours,
        failures=counted["failures"],
        fullest_run=counted["fullest"],
        full_sets_met=counted["full"],
        trips=len(trips),
    )


def down(calls_per_s: float, environments: int, seed: int = 1, call_s: float = 0.02) -> Down:
    """A plugin that is wholly down from the first call; calls go to random environments with their own caches."""
    world = _World(f"{seed}/down/{calls_per_s}/{environments}")
    trips: list[float] = []
    fifth: list[float] = []
    reached: list[float] = []
    known = [(BreakerState(), -FRESHNESS_S)] * environments

    def calls() -> Iterator[float]:
        for number in itertools.count():
            world.start(call(str(number)), world.now_s)
            yield world.random.expovariate(calls_per_s)

    def call(call_id: str) -> Iterator[float]:
        here = world.random.randrange(environments)
        state, read_at_s = known[here]
        if world.now_s - read_at_s >= FRESHNESS_S:
            asked_at_s = world.now_s
            yield world.latency_s()
            state = world.item
            known[here] = (state, asked_at_s)
        if breaker.admit(state, world.now_s) is not Admission.CALL:
            return
        reached.append(world.now_s)
        yield call_s + world.latency_s()
        yield from world.after_failure(call_id, state.epoch, trips)
        if not fifth and len(world.item.run(HOOK)) >= CONSECUTIVE_FAILURES_MAX:
            fifth.append(world.now_s)
        known[here] = (world.item, world.now_s)

    def watch() -> Iterator[float]:
        while not fifth:
            if len(world.item.run(HOOK)) >= CONSECUTIVE_FAILURES_MAX:
                fifth.append(world.now_s)
            yield 0.001

    world.start(watch(), 0.0)
    world.start(calls(), 0.0)
    world.run(5 / calls_per_s * 10 + 1 + 2 * FRESHNESS_S)
    tripped = world.item.state is State.AUTO_DISABLED
    late = [at_s for at_s in reached if trips and at_s > trips[0]]
    return Down(
        calls_per_s,
        environments,
        tripped,
        round(trips[0] - fifth[0], 3) if tripped else float("inf"),
        len(late),
        round(late[-1] - trips[0], 3) if late else 0.0,
    )


def main(argv: list[str]) -> int:
    """Runs the matrix of the issue and says whether every row is as it must be."""
    parser = argparse.ArgumentParser(prog="breaker", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 simulated minutes instead of 6 hours")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    options = parser.parse_args(argv)
    hours = 0.05 if options.quick else 6.0
    started_s = time.perf_counter()
    rates, environments = (10.0, 100.0, 1000.0), (1, 10, 50)
    well = [healthy(0.01, rate, count, hours) for rate in rates for count in environments]
    well += [healthy(0.05, 1000.0, 50, min(hours, 1.0))]
    dead = [down(rate, count) for rate in rates for count in environments]
    ok = all(row.trips == 0 for row in well) and all(row.tripped and row.fifth_to_trip_s <= 1 for row in dead)
    took_s = round(time.perf_counter() - started_s, 1)
    if options.json:
        rows = {"healthy": [asdict(row) for row in well], "down": [asdict(row) for row in dead]}
        print(json.dumps({"ok": ok, "took_s": took_s, **rows}))
    else:
        _print(well, dead)
        print(f"\n{'as it must be' if ok else 'NOT as it must be'}; took {took_s} s")
    return 0 if ok else 1


def _print(well: list[Healthy], dead: list[Down]) -> None:
    print("errors  calls/s  environments  simulated h  failures  fullest run  trips")
    for row in well:
        print(
            f"{row.error_rate:6.0%} {row.calls_per_s:8.0f} {row.environments:13} {row.hours:12g}"
            f" {row.failures:9} {row.fullest_run:12} {row.trips:6}"
        )
    print("\nwholly down:\ncalls/s  environments  fifth failure to off  calls after off  last of them after")
    for dead_row in dead:
        print(
            f"{dead_row.calls_per_s:7.0f} {dead_row.environments:13} {dead_row.fifth_to_trip_s:19.3f} s"
            f" {dead_row.calls_after_trip:16} {dead_row.last_call_after_s:17.3f} s"
        )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
