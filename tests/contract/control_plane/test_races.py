"""Races for one breaker, in every order of their reads and writes, or in seeded ones where there are too many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from control_plane.rules import breaker as rules
from control_plane.rules.breaker import State
from control_plane.table.audit import AuditTable
from tests.contract.control_plane.fakes import returns
from tests.contract.control_plane.interleaving import Choose, Interleaving, every_schedule, some_schedules
from tests.contract.control_plane.racing import FAILS, HOOK, WORKS, Race
from tests.contract.control_plane.world import World


def failed(world: World, times: int) -> Race:
    """`alpha`, after so many failures in a row."""
    world.deploy("alpha", FAILS)
    for _ in range(times):
        world.fire()
    return Race(world)


def switched_off(world: World) -> Race:
    """`alpha`, off, at the very time of its first probe."""
    failed(world, 5)
    world.clock.now = world.state("alpha").probe_at_s
    return Race(world)


def started(race: Race, choose: Choose, **options: Any) -> Interleaving:
    steps = Interleaving(choose, **options)
    race.again(steps)
    return steps


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_failures_at_once_are_one_trip_and_one_alert(world: World, seed: int) -> None:
    race = failed(world, 0)
    (choose,) = some_schedules([seed])
    steps = started(race, choose)
    steps.run(*(race.environment(FAILS) for _ in range(100)))
    assert (race.state().state, race.state().epoch) == (State.AUTO_DISABLED, 2)
    assert [alert.alert_id for alert in race.alerts()] == ["auto_disabled:alpha:2"]
    assert len(race.reached) == 100


def test_a_success_that_races_the_fifth_failure(world: World) -> None:
    race = failed(world, 4)
    ends = set()
    for choose in every_schedule(1000):
        steps = started(race, choose)
        steps.run(race.environment(FAILS), race.environment(WORKS))
        names = [f"{'fail' if who == 0 else 'good'}:{name}" for who, name in steps.calls]
        state, alerts = race.state(), race.alerts()
        ends.add((str(state.state), len(state.run(HOOK))))
        # The success's clear is a write; what it took out of the run, no trip may have stood on.
        if state.state is State.AUTO_DISABLED:
            assert len(alerts) == 1
            clears = [at for at, name in enumerate(names) if name == "good:update_item"]
            trips = [at for at, name in enumerate(names) if name == "fail:update_item"][1:]
            assert not clears or clears[0] > trips[0], names
        else:
            assert alerts == []
            assert state.run(HOOK) <= {race.reached[0], race.reached[1]}
    assert ends == {("auto_disabled", 0), ("enabled", 0), ("enabled", 1)}


def test_the_same_outcome_ten_times_counts_once(world: World) -> None:
    race = failed(world, 0)
    for seed, choose in enumerate(some_schedules(range(3))):
        steps = started(race, choose)
        event_id = f"0190f1e2-0000-7000-8000-00000000000{seed}"
        steps.run(*(partial(race.environment(FAILS), event_id=event_id) for _ in range(10)))
        assert len(race.reached) == 10
        assert [len(run) for run in race.state().runs.values()] == [1]
        assert race.alerts() == []
        world.sink.bodies[:] = race.sink.bodies
        world.record()
        (group,) = world.errors.groups("alpha")
        assert group.count == 1
        assert len(list(world.errors.failures(group.group_id))) == seed + 1


@pytest.mark.parametrize("change", ["deploy", "off and on"])
def test_an_outcome_that_is_late_counts_for_nothing(world: World, change: str) -> None:
    race = failed(world, 4)

    def changed() -> None:
        if change == "deploy":
            # The transaction that makes it take effect is one step; its submission is none of the breaker's.
            race.steps.give_way()
            race.deploy(f"1.0.{world.new_id()[2:]}")
        else:
            race.switch().disable("alpha", actor="ada", reason="test")
            race.switch().enable("alpha", actor="ada", reason="test")

    ends = set()
    for choose in some_schedules(range(20)):
        steps = started(race, choose)
        steps.run(race.environment(FAILS), changed)
        state = race.state()
        race.alerts()
        ends.add(str(state.state))
        assert state.runs == {}, "the failure ran under the old epoch"
        assert state.state is State.ENABLED or change == "off and on"
    assert "enabled" in ends


def test_a_person_who_switches_off_wins_over_the_breaker(world: World) -> None:
    race = failed(world, 4)
    befores = set()
    for choose in every_schedule(400):
        steps = started(race, choose)
        steps.run(
            race.environment(FAILS), lambda: race.switch().disable("alpha", actor="ada", reason="wrong scores")
        )
        state = race.state()
        assert (state.state, state.actor, state.reason) == (State.DISABLED, "ada", "wrong scores")
        (row,) = (row for row in AuditTable(world.table).rows("alpha") if row.action == "disable")
        befores.add(row.before)
        assert len(race.alerts()) == (row.before == "auto_disabled")
    assert befores == {"enabled", "auto_disabled"}


def test_a_person_who_switches_on_while_it_trips(world: World) -> None:
    race = failed(world, 4)
    ends = set()
    for choose in every_schedule(400):
        steps = started(race, choose)
        done: list[Any] = []
        steps.run(
            race.environment(FAILS),
            lambda done=done: done.append(race.switch().enable("alpha", actor="ada", reason="test")),
        )
        state, alerts = race.state(), race.alerts()
        if done[0].changed:
            assert (state.state, state.epoch, state.actor) == (State.ENABLED, 3, "ada")
        else:
            assert (state.state, state.epoch) == (State.AUTO_DISABLED, 2)
        assert len(alerts) == 1
        ends.add(str(state.state))
    assert ends == {"enabled", "auto_disabled"}


@pytest.mark.parametrize("off", ["by the breaker", "by hand"])
def test_after_enable_one_failure_is_the_first_of_five(world: World, off: str) -> None:
    race = failed(world, 5 if off == "by the breaker" else 4)
    if off == "by hand":
        world.switch.disable("alpha", actor="ada", reason="test")
    world.switch.enable("alpha", actor="ada", reason="test")
    for times in range(1, 5):
        race.environment(FAILS)()
        assert len(race.state().run(HOOK)) == times
        assert race.state().state is State.ENABLED
    race.environment(FAILS)()
    assert race.state().state is State.AUTO_DISABLED


@pytest.mark.parametrize("calls", range(6))
def test_a_dispatcher_that_dies_after_any_write_leaves_a_breaker_that_works(world: World, calls: int) -> None:
    race = failed(world, 4)
    steps = started(race, lambda _: 0, dies_after={0: calls})
    steps.run(race.environment(FAILS))
    assert steps.died == ([0] if calls < 4 else []), "four calls are all that a fifth failure makes"
    if calls == 0:
        assert len(race.state().run(HOOK)) == 4
        race.environment(FAILS)()
    if race.state().state is State.ENABLED:
        # The one that met the full set is gone: the next to meet it trips.
        assert len(race.state().run(HOOK)) == 5
        race.environment(FAILS)()
    assert race.state().state is State.AUTO_DISABLED
    assert [alert.alert_id for alert in race.alerts()] == ["auto_disabled:alpha:2"]


@pytest.mark.parametrize("calls", [1, 2])
def test_a_probe_whose_dispatcher_dies_is_made_again_once_its_lease_has_ended(world: World, calls: int) -> None:
    race = switched_off(world)
    steps = started(race, lambda _: 0, dies_after={0: calls})
    steps.run(race.environment(WORKS))
    if calls == 2:  # the probe's end was written: nothing is lost, and the next probe needs no wait
        assert race.state().lease is None
        assert race.state().probe_successes == 1
    else:
        assert race.environment(WORKS)()["status"] == "skipped"
        world.clock.now += rules.LEASE_S
    assert race.environment(WORKS)()["status"] == "ok"
    race.alerts()


@pytest.mark.parametrize("seed", range(3))
def test_fifty_dispatchers_at_probe_time_make_one_probe(world: World, seed: int) -> None:
    race = switched_off(world)
    (choose,) = some_schedules([seed])
    steps = started(race, choose)
    answers: list[Any] = []
    calls = [race.environment(FAILS) for _ in range(50)]
    steps.run(*(lambda call=call: answers.append(call()) for call in calls))
    assert len(race.reached) == 1
    assert sorted(answer["status"] for answer in answers) == ["error", *["skipped"] * 49]
    assert race.state().probes_failed == 1
    assert race.alerts() == []


@pytest.mark.parametrize("seed", range(3))
def test_good_probes_are_made_one_at_a_time_and_three_of_them_close(world: World, seed: int) -> None:
    race = switched_off(world)
    (choose,) = some_schedules([seed])
    steps = started(race, choose)

    def calls(call: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: [call() for _ in range(6)]

    # Called over and over, an environment sees what the others' probes left.
    steps.run(*(calls(race.environment(WORKS)) for _ in range(4)))
    if race.state().state is not State.ENABLED:
        for _ in range(4):
            race.environment(WORKS)()
    assert race.state().state is State.ENABLED
    assert [alert.kind for alert in race.alerts()] == ["recovered"]


def test_clocks_ten_minutes_apart_change_no_order(world: World) -> None:
    """Skewed clocks move when a probe runs. What may happen, and how often it is told, they do not."""
    race = failed(world, 3)
    ends = set()
    for choose in some_schedules(range(8)):
        steps = started(race, choose)
        skews = (-600.0, 0.0, 600.0, -600.0, 600.0)
        scripts = (FAILS, FAILS, WORKS, FAILS, FAILS)
        calls = [race.environment(s, ahead_s=skew) for s, skew in zip(scripts, skews, strict=True)]
        steps.run(*(lambda call=call: [call() for _ in range(3)] for call in calls))
        alerts = race.alerts()
        kinds = [alert.kind for alert in alerts]
        ids = [alert.alert_id for alert in alerts]
        assert len(set(ids)) == len(ids), "one alert a trip"
        assert kinds.count("auto_disabled") <= 1 + kinds.count("recovered")
        ends.add(str(race.state().state))
    assert "auto_disabled" in ends


def test_a_probe_that_a_fast_clock_took_over_is_ended_by_its_last_holder_only(world: World) -> None:
    race = switched_off(world)
    for choose in some_schedules(range(10)):
        steps = started(race, choose)
        slow, fast = race.environment(WORKS), race.environment(returns(2), ahead_s=600.0)
        steps.run(slow, fast, fast)
        assert race.state().probe_successes <= 2
        race.alerts()  # holds every change against the rules: no probe's end without its lease
