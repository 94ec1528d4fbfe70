"""The conditional writes are the rules: any order of operations leaves the table as the pure functions say."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane.rules import breaker as rules
from control_plane.rules.breaker import BreakerState, Evidence
from control_plane.table import keys
from control_plane.table.audit import AuditRow, AuditTable
from control_plane.table.breakers import Breakers
from control_plane.table.dynamo import Put
from services_ai_sdk.wire.errors import InvalidInputError
from tests.contract.control_plane.world import World

HOOKS = ("lead_created", "lead_updated")


def fresh(breakers: Breakers) -> tuple[str, BreakerState]:
    plugin_id = f"p{os.urandom(8).hex()}"
    put, state = breakers.deploy_write(plugin_id, "1.0.0", lambda s: rules.deploy(s, 1.0, "ada", "first"))
    assert isinstance(put, Put)
    breakers._table.put(put)
    return plugin_id, state


def audit(plugin_id: str) -> AuditRow:
    return AuditRow(plugin_id, os.urandom(4).hex(), 1, "test", "ada", "because")


operations = st.lists(
    st.one_of(
        st.tuples(st.just("fail"), st.sampled_from(HOOKS), st.integers(0, 7), st.integers(-1, 0)),
        st.tuples(st.just("clear"), st.sampled_from(HOOKS), st.integers(0, 7), st.integers(-1, 0)),
        st.tuples(st.just("trip"), st.sampled_from(HOOKS)),
        st.tuples(st.just("admin"), st.sampled_from(["enable", "disable", "deploy"])),
        st.tuples(st.just("probe"), st.sampled_from(["good", "bad", "lost", "gone"])),
    ),
    max_size=25,
)


class Pair:
    """One plugin's breaker twice: the rules' model and the table's item."""

    def __init__(self, breakers: Breakers) -> None:
        self.breakers = breakers
        self.plugin_id, self.model = fresh(breakers)
        self.now_s = 100.0

    def fail(self, hook: str, number: int, late: int) -> None:
        epoch = self.model.epoch + late
        self.model = rules.record_failure(self.model, hook, f"i{number}", epoch)
        self.breakers.add_failure(self.plugin_id, hook, f"i{number}", epoch)

    def clear(self, hook: str, number: int, late: int) -> None:
        epoch = self.model.epoch + late
        found = frozenset({f"i{number}"}) | rules.needs_clear(self.model, hook, epoch)
        self.model = rules.clear(self.model, hook, found, epoch)
        self.breakers.clear(self.plugin_id, hook, found, epoch)

    def trip(self, hook: str) -> None:
        """As a caller does: only a full set is ever asked to trip."""
        if rules.is_full(self.model, hook, self.model.epoch):
            evidence = Evidence(hook, tuple(sorted(self.model.run(hook))), "KeyError", "'BR'")
            assert self.breakers.trip(self.plugin_id, self.state(), evidence, self.now_s, 0.5)[0]
            self.model = rules.trip(self.model, evidence, self.now_s, 0.5)

    def admin(self, action: str) -> None:
        now_s = self.now_s
        rule: Any = {"enable": rules.enable, "disable": rules.disable, "deploy": rules.deploy}[action]
        self.model = rule(self.model, now_s, "ada", action)
        if action == "deploy":
            write, _ = self.breakers.deploy_write(self.plugin_id, "2", lambda s: rule(s, now_s, "ada", action))
            self.breakers._table.transact([write])
        else:
            self.breakers.change(self.plugin_id, lambda s: rule(s, now_s, "ada", action), audit(self.plugin_id))

    def probe(self, end: str) -> None:
        if rules.admit(self.model, self.now_s) is not rules.Admission.PROBE:
            return
        won, leased = self.breakers.take_lease(self.plugin_id, self.state(), "me", self.now_s)
        assert won
        assert leased is not None
        self.model = rules.take_lease(self.model, "me", self.now_s)
        ended = {
            "good": rules.probe_succeeded(leased, self.now_s),
            "bad": rules.probe_failed(leased, self.now_s, 0.5),
            "lost": rules.probe_uncounted(leased),
        }.get(end)
        if ended is not None:
            assert self.breakers.end_probe(self.plugin_id, leased, ended)[0]
            self.model = ended

    def state(self) -> BreakerState:
        return self.breakers.read([self.plugin_id])[self.plugin_id]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=operations)
def test_the_table_does_what_the_rules_say(world: World, steps: list[tuple[Any, ...]]) -> None:
    pair = Pair(world.breakers)
    for name, *arguments in steps:
        pair.now_s += 50
        getattr(pair, name)(*arguments)
        assert replace(pair.state(), revision=0) == replace(pair.model, revision=0), (name, *arguments)


def test_a_fifth_failure_after_the_success_read_stays(world: World) -> None:
    world.deploy("alpha", lambda _: None)
    for number in range(4):
        world.breakers.add_failure("alpha", "lead_created", f"i{number}", 1)
    found = rules.needs_clear(world.state("alpha"), "lead_created", 1)
    fifth = world.breakers.add_failure("alpha", "lead_created", "i4", 1)
    assert fifth is not None
    assert rules.is_full(fifth, "lead_created", 1)
    world.breakers.clear("alpha", "lead_created", found, 1)
    now = world.state("alpha")
    assert now.run("lead_created") == {"i4"}
    assert not rules.confirms(fifth, now, "lead_created")
    won, _ = world.breakers.trip(
        "alpha", fifth, Evidence("lead_created", tuple(fifth.run("lead_created"))), 1.0, 0.5
    )
    assert not won


def test_one_of_twenty_trips_wins(world: World) -> None:
    world.deploy("alpha", lambda _: None)
    for number in range(5):
        world.breakers.add_failure("alpha", "lead_created", f"i{number}", 1)
    seen = world.state("alpha")
    evidence = Evidence("lead_created", tuple(sorted(seen.run("lead_created"))))
    won: list[bool] = []
    threads = [
        threading.Thread(target=lambda: won.append(world.breakers.trip("alpha", seen, evidence, 1.0, 0.5)[0]))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(won) == [False] * 19 + [True]


def test_a_failure_that_races_a_deploy_is_not_found_in_the_new_epoch(world: World) -> None:
    world.deploy("alpha", lambda _: None)
    write, _ = world.breakers.deploy_write("alpha", "1.0.1", lambda s: rules.deploy(s, 2.0, "ada", "new"))
    world.breakers.add_failure("alpha", "lead_created", "late", 1)
    world.table.transact([write])
    assert world.state("alpha").runs == {}
    item = world.table.get(keys.breaker("alpha"))
    assert world.breakers.add_failure("alpha", "lead_created", "later", 1) is not None
    assert world.table.get(keys.breaker("alpha")) == item


def test_a_lease_is_taken_once_and_an_old_holder_ends_nothing(world: World) -> None:
    world.deploy("alpha", lambda _: None)
    for number in range(5):
        world.breakers.add_failure("alpha", "lead_created", f"i{number}", 1)
    seen = world.state("alpha")
    world.breakers.trip("alpha", seen, Evidence("lead_created", tuple(seen.run("lead_created"))), 1.0, 0.5)
    off = world.state("alpha")
    first, mine = world.breakers.take_lease("alpha", off, "one", off.probe_at_s)
    second, _ = world.breakers.take_lease("alpha", off, "two", off.probe_at_s)
    assert (first, second) == (True, False)
    assert mine is not None
    assert mine.lease is not None
    late_s = mine.lease.until_s + 1
    third, _ = world.breakers.take_lease("alpha", world.state("alpha"), "three", late_s)
    assert third
    assert not world.breakers.end_probe("alpha", mine, rules.probe_succeeded(mine, late_s))[0]


def test_a_lease_between_probes_is_taken_once_too(world: World) -> None:
    world.deploy("alpha", lambda _: None)
    for number in range(5):
        world.breakers.add_failure("alpha", "lead_created", f"i{number}", 1)
    seen = world.state("alpha")
    world.breakers.trip("alpha", seen, Evidence("lead_created", tuple(seen.run("lead_created"))), 1.0, 0.5)
    off = world.state("alpha")
    _, leased = world.breakers.take_lease("alpha", off, "one", off.probe_at_s)
    assert leased is not None
    world.breakers.end_probe("alpha", leased, rules.probe_succeeded(leased, off.probe_at_s))
    between = world.state("alpha")
    won = [world.breakers.take_lease("alpha", between, name, off.probe_at_s)[0] for name in ("two", "three")]
    assert won == [True, False]


def test_a_run_never_has_more_than_five(world: World) -> None:
    world.deploy("alpha", lambda _: None)
    for number in range(8):
        found = world.breakers.add_failure("alpha", "lead_created", f"i{number}", 1)
    assert found is not None
    assert found.run("lead_created") == world.state("alpha").run("lead_created")
    assert found.run("lead_created") == {"i0", "i1", "i2", "i3", "i4"}


def test_a_change_and_its_audit_row_come_together(world: World) -> None:
    world.deploy("alpha", lambda _: None)
    done = world.switch.disable("alpha", actor="ada", reason="wrong scores")
    again = world.switch.disable("alpha", actor="bob", reason="again")
    assert (done.changed, again.changed) == (True, False)
    (row,) = [row for row in AuditTable(world.table).rows("alpha") if row.action == "disable"]
    assert (row.actor, row.reason, row.before, row.after) == ("ada", "wrong scores", "enabled", "disabled")


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_switching_off_needs_a_reason(world: World, reason: str) -> None:
    world.deploy("alpha", lambda _: None)
    with pytest.raises(InvalidInputError):
        world.switch.disable("alpha", actor="ada", reason=reason)


def test_switching_what_is_not_there(world: World) -> None:
    with pytest.raises(InvalidInputError) as caught:
        world.switch.enable("nobody", actor="ada", reason="")
    assert caught.value.code == "plugin-unknown"


def test_what_has_expired_is_never_shown(world: World) -> None:
    now = int(world.clock.now)
    for name, expires_at in (("old", now - 1), ("new", now + 60)):
        world.table.put(Put({"pk": "P", "sk": name, "gsi1pk": "G", "gsi1sk": name, "expires_at": expires_at}))
    assert [item["sk"] for item in world.table.query("P")] == ["new"]
    assert [item["sk"] for item in world.table.query("G", index=keys.GSI)] == ["new"]
    assert world.table.get({"pk": "P", "sk": "old"}) is None
    assert [item["sk"] for item in world.table.get_many([{"pk": "P", "sk": "old"}, {"pk": "P", "sk": "new"}])] == [
        "new"
    ]


def test_more_than_a_hundred_breakers_are_read(world: World) -> None:
    for number in range(130):
        put, _ = world.breakers.deploy_write(f"p{number}", "1", lambda s: rules.deploy(s, 1.0, "ada", ""))
        assert isinstance(put, Put)
        world.table.put(put)
    assert len(world.breakers.read([f"p{number}" for number in range(130)])) == 130
