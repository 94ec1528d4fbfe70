"""Away with a plugin, and with a submission."""

from __future__ import annotations

from typing import Any

import pytest

from control_plane.operations.uninstall import Uninstalled
from control_plane.table.audit import AuditTable
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import World


def away(world: World, **options: Any) -> Uninstalled:
    return world.uninstall.uninstall("alpha", actor="ada", progress=lambda _: None, **options)


def test_nothing_reaches_it_and_nobody_sees_it_but_the_audit(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    world.deploy("beta", returns(1))
    world.fire()
    world.record()
    assert away(world, reason="no longer used").done
    world.clock.now += 2
    assert set(world.fire()) == {"beta"}
    assert [row.plugin_id for row in world.fleet.all()] == ["beta"]
    for ask in (world.fleet.one, world.why.explain):
        with pytest.raises(InvalidInputError, match="there is no plugin 'alpha'"):
            ask("alpha")
    with pytest.raises(InvalidInputError, match="there is no plugin"):
        world.switch.enable("alpha", actor="ada", reason="")
    with pytest.raises(InvalidInputError, match="there is no plugin"):
        world.rollback.roll_back("alpha", actor="a", progress=lambda _: None)
    rows = [(row.action, row.reason) for row in AuditTable(world.table).rows("alpha")]
    assert {("uninstall", "no longer used"), ("uninstalled", "no longer used")} <= set(rows)
    assert "deploy" in {action for action, _ in rows}, "what was done before stays"
    assert len(world.errors.groups("alpha")) == 1


def test_a_dry_run_changes_nothing(world: World) -> None:
    world.deploy("alpha", returns(1))
    done = away(world, dry_run=True)
    assert done.to_dict()["plan"]["steps"]
    assert world.fire()["alpha"]["status"] == "ok"
    assert "alpha" in world.deployer.live


def test_again_is_harmless(world: World) -> None:
    world.deploy("alpha", returns(1))
    away(world)
    assert away(world).to_dict()["plan"]["steps"] == []


def test_one_that_was_interrupted_is_off_and_goes_on(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.deployer.fails = "AWS says no"
    with pytest.raises(PlatformError):
        away(world)
    world.clock.now += 2
    assert world.fire() == {}
    assert world.fleet.one("alpha").state == "disabled"
    world.deployer.fails = ""
    assert away(world).done
    assert world.fleet.all() == []


def test_what_is_left_is_an_error_and_the_plugin_is_not_said_to_be_gone(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.deployer.sticks.add("alpha")
    with pytest.raises(PlatformError, match="AWS still lists alpha") as caught:
        away(world)
    assert caught.value.exit_code == 3
    assert [row.plugin_id for row in world.fleet.all()] == ["alpha"]


def test_installing_again_starts_anew_but_late_outcomes_of_the_old_one_count_for_nothing(world: World) -> None:
    world.deploy("alpha", returns(1))
    old = world.state("alpha").epoch
    away(world)
    world.deploy("alpha", returns(2))
    state = world.state("alpha")
    assert (str(state.state), state.evidence) == ("enabled", None)
    assert state.epoch > old
    world.breakers.add_failure("alpha", "lead_created", "late", old)
    assert world.state("alpha").runs == {}
    world.clock.now += 2
    assert world.fire()["alpha"]["value"] == 2
    with pytest.raises(InvalidInputError) as caught:
        world.rollback.roll_back("alpha", actor="a", progress=lambda _: None)
    assert caught.value.code == "rollback-nothing", "its earlier versions are gone"


def test_a_plugin_whose_deploys_all_failed_can_be_taken_away_too(world: World) -> None:
    world.submit("alpha")
    world.deployer.fails = "no"
    with pytest.raises(Exception, match="no"):
        world.approve("alpha")
    world.deployer.fails = ""
    assert world.fleet.one("alpha").attempt is not None
    assert away(world).done
    with pytest.raises(InvalidInputError):
        world.fleet.one("alpha")
    with pytest.raises(InvalidInputError, match="there is no plugin 'beta'"):
        world.uninstall.uninstall("beta", actor="a", progress=lambda _: None)


def test_a_rejected_submission_is_passed_over_unless_it_is_named(world: World) -> None:
    world.submit("alpha", "1.0.0")
    world.submit("alpha", "1.1.0")
    world.reject.reject("alpha", "1.1.0", actor="ada", reason="asks for too much")
    assert world.approve("alpha").submission.version == "1.0.0"
    row = next(row for row in AuditTable(world.table).rows("alpha") if row.action == "reject")
    assert (row.actor, row.reason, row.version) == ("ada", "asks for too much", "1.1.0")
    assert world.fleet.one("alpha").attempt is None, "nobody tried to deploy it"
    assert world.approve("alpha", "1.1.0").submission.version == "1.1.0"


def test_where_all_is_rejected_approve_says_by_whom_and_why(world: World) -> None:
    world.submit("alpha", "1.0.0")
    world.reject.reject("alpha", "1.0.0", actor="ada", reason="asks for too much")
    with pytest.raises(InvalidInputError, match=r"1\.0\.0 by ada: asks for too much") as caught:
        world.approve("alpha")
    assert caught.value.hint.endswith("approve alpha --version 1.0.0")


def test_what_cannot_be_rejected(world: World) -> None:
    world.deploy("alpha", returns(1))
    for plugin_id, version, reason, code in (
        ("alpha", "1.0.0", "x", "reject-deployed"),
        ("alpha", "9", "x", "submission-unknown"),
        ("alpha", "1.0.0", " ", "reason-missing"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            world.reject.reject(plugin_id, version, actor="ada", reason=reason)
        assert caught.value.code == code
