"""Error groups: what people decide, and what happening again makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from control_plane.operations.notify import alert_for
from control_plane.operations.record import Fold
from control_plane.rules.triage import GroupState
from control_plane.table import keys
from control_plane.table.audit import AuditTable
from control_plane.table.codec import encode_item
from control_plane.table.dynamo import Table
from control_plane.table.errors import Errors
from services_ai_sdk.wire.errors import InvalidInputError
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import TABLE, World


class DiesAtTheSecond:
    """A client whose process dies at the second call of one kind."""

    def __init__(self, client: Any, operation: str) -> None:
        self._client = client
        self._operation = operation
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        self._calls += name == self._operation
        if self._calls > 1:
            raise KeyboardInterrupt
        return getattr(self._client, name)


def fails(world: World, version: str = "1.0.0", times: int = 1) -> str:
    """Alpha at a version fails; returns the error's id."""
    if world.plugins.get("alpha") is None or world.plugins.get("alpha").version != version:  # type: ignore[union-attr]
        world.deploy("alpha", raises("KeyError", "'BR'"), version=version)
    for _ in range(times):
        world.clock.now += 1
        world.fire()
    world.record()
    (group,) = world.errors.groups("alpha")
    return group.group_id


def state(world: World) -> str:
    (group,) = world.errors.groups("alpha")
    return str(group.decision.seen_at(int(world.clock.now * 1000)))


def image(world: World, error: str) -> dict[str, Any]:
    item = world.table.get(keys.group("alpha", error))
    assert item is not None
    return encode_item(item)


def test_resolved_stays_resolved_while_earlier_versions_fail(world: World) -> None:
    error = fails(world)
    world.triage.resolve(error, version="1.0.1", actor="ada", reason="see 12")
    fails(world)
    assert state(world) == "resolved"


@pytest.mark.parametrize("version", ["1.0.9", "1.1.0", "1.0.10"])
def test_a_failure_in_the_version_or_a_later_one_is_a_regression_that_alerts(world: World, version: str) -> None:
    error = fails(world)
    world.triage.resolve(error, version="1.0.9", actor="ada", reason="")
    before = image(world, error)
    fails(world, version)
    assert state(world) == "regressed"
    alert = alert_for(before, image(world, error))
    assert alert is not None
    assert alert.kind == "regression"
    assert f"it happened again in {version}, and was resolved in 1.0.9" in alert.body
    again = image(world, error)
    fails(world, version)
    assert alert_for(again, image(world, error)) is None


def test_resolved_names_the_live_version_by_itself(world: World) -> None:
    error = fails(world)
    assert world.triage.resolve(error, actor="ada", reason="").after.decision.resolved_in == "1.0.0"
    fails(world)
    assert state(world) == "regressed"


def test_a_failure_from_before_the_decision_that_is_recorded_late_is_no_regression(world: World) -> None:
    error = fails(world)
    world.clock.now += 1
    world.fire()
    world.clock.now += 1
    world.triage.resolve(error, actor="ada", reason="")
    world.record()
    assert state(world) == "resolved"


def test_a_recorder_that_died_between_record_and_regression_is_made_good_by_the_repeat(world: World) -> None:
    error = fails(world)
    world.triage.resolve(error, actor="ada", reason="")
    world.clock.now += 1
    world.fire()
    bodies = list(world.sink.bodies)
    client = DiesAtTheSecond(world.client, "transact_write_items")
    dying = Errors(Table(client, TABLE, now_s=world.clock.now_s, sleep=world.clock.sleep))
    with pytest.raises(KeyboardInterrupt):
        Fold(dying, world.activity).take(bodies[0])
    assert state(world) == "resolved"
    world.record()
    assert state(world) == "regressed"
    (group,) = world.errors.groups("alpha")
    assert group.count == 2


def test_an_ignored_error_counts_neither_as_error_nor_as_news(world: World) -> None:
    error = fails(world)
    world.triage.ignore(error, actor="ada", reason="the author knows")
    before = image(world, error)
    fails(world, times=2)
    assert alert_for(before, image(world, error)) is None
    row = world.fleet.one("alpha")
    assert (row.activity.failures, row.activity.ignored, row.activity.errors) == (3, 2, 1)
    assert row.last_error is None
    assert row.to_dict()["last_hour"]["ignored"] == 2
    assert len(world.state("alpha").run("lead_created")) == 3, "the breaker counts it all the same"


def test_ignored_until_a_time_is_open_after_it_and_alerts_when_it_goes_on(world: World) -> None:
    error = fails(world)
    until_ms = int((world.clock.now + 3600) * 1000)
    world.triage.ignore(error, until_ms=until_ms, actor="ada", reason="today")
    assert state(world) == "ignored"
    world.clock.now += 3601
    assert state(world) == "open"
    before = image(world, error)
    fails(world)
    (group,) = world.errors.groups("alpha")
    assert group.decision.state is GroupState.OPEN
    alert = alert_for(before, image(world, error))
    assert alert is not None
    assert "the time for which it was ignored is over" in alert.body


def test_who_when_and_why_are_in_the_audit_once_for_each_change(world: World) -> None:
    error = fails(world)
    for _ in range(2):
        world.triage.resolve(error, version="2", actor="ada", reason="mended")
    world.triage.reopen(error, actor="bob", reason="not mended")
    world.triage.reopen(error, actor="bob", reason="not mended")
    rows = [row for row in AuditTable(world.table).rows("alpha") if row.about == error]
    assert sorted((row.action, row.actor, row.reason, row.before, row.after) for row in rows) == [
        ("reopen", "bob", "not mended", "resolved", "open"),
        ("resolve", "ada", "mended", "open", "resolved"),
    ]


def test_an_invocation_names_its_error_and_an_unknown_one_is_refused(world: World) -> None:
    error = fails(world)
    (failure,) = world.errors.failures(error)
    assert world.triage.resolve(failure.invocation_id, actor="a", reason="").after.group_id == error
    with pytest.raises(InvalidInputError, match="there is no error"):
        world.triage.resolve("nonsense", actor="a", reason="")


def test_two_decisions_at_once_are_both_kept_in_order(world: World) -> None:
    error = fails(world)
    from control_plane.rules import triage as rules

    raced = False

    def rule(decision: Any) -> Any:
        nonlocal raced
        if not raced:
            raced = True
            world.triage.ignore(error, actor="bob", reason="first")
        return rules.resolve(decision, "9", 5, "ada", "second")

    found = world.errors.decide("alpha", error, rule, None)
    assert found is not None
    before, after = found
    assert (before.decision.state, after.decision.revision) == (GroupState.IGNORED, 2)


def test_a_healthy_plugin_pays_no_read_for_it(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.fire()
    world.client.calls.clear()
    world.record()
    assert "get_item" not in world.client.calls
