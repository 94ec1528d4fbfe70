"""Back to what worked: record, routes, grants and breaker together."""

from __future__ import annotations

from typing import Any

import pytest

from control_plane.operations.rollback import RolledBack
from control_plane.table.audit import AuditTable
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import SAMPLE, World


def back(world: World, version: str = "", **options: Any) -> RolledBack:
    return world.rollback.roll_back("alpha", version=version, actor="ada", progress=lambda _: None, **options)


@pytest.fixture
def broken(world: World) -> World:
    """1.0.0 worked on two hooks; 1.1.0, which may do more, was switched off."""
    world.deploy("alpha", returns(1), permissions=["read_leads"], hooks=["lead_created", "lead_updated"])
    world.clock.now += 100
    world.deploy(
        "alpha",
        raises("KeyError", "'BR'"),
        version="1.1.0",
        permissions=["read_leads", "write_leads"],
        hooks=[{"name": "lead_created", "priority": 10}],
    )
    world.clock.now += 2
    for _ in range(5):
        world.fire()
    world.clock.now += 2
    assert str(world.state("alpha").state) == "auto_disabled"
    return world


def test_what_was_live_is_live_again_with_what_it_was_granted(broken: World) -> None:
    before = broken.state("alpha")
    done = back(broken)
    broken.script("alpha", returns(1))
    record = broken.plugins.get("alpha")
    assert record is not None
    assert (record.version, record.function_version, record.grants.permissions) == ("1.0.0", "1", ("read_leads",))
    assert record.hooks == (("lead_created", 50), ("lead_updated", 50))
    assert (record.deployed_by, record.deployed_at_ms) == ("ada", int(broken.clock.now * 1000))
    after = broken.state("alpha")
    assert (str(after.state), after.epoch) == ("enabled", before.epoch + 1)
    assert after.runs == {}
    assert done.to_dict()["from"] == "1.1.0"
    broken.clock.now += 1.1
    assert broken.fire()["alpha"]["plugin"]["version"] == "1.0.0"
    assert broken.fire("lead_updated")["alpha"]["status"] == "ok"
    envelope = broken.invoker.calls[-1][1]
    assert envelope["permissions"] == ["read_leads"]
    assert len(list(broken.table.query("HOOK#lead_created"))) == 1
    assert broken.fleet.one("alpha").attempt is None


def test_another_environment_follows_within_the_freshness(broken: World) -> None:
    other = broken.new_dispatcher()
    args = {"v": 1, "hook": "lead_created", "args": SAMPLE}
    assert other(args)["results"][0]["status"] == "skipped"
    back(broken)
    broken.script("alpha", returns(1))
    broken.clock.now += 1.1
    assert other(args)["results"][0]["plugin"]["version"] == "1.0.0"


def test_it_is_in_the_audit(broken: World) -> None:
    back(broken, reason="wrong teams")
    row = next(iter(AuditTable(broken.table).rows("alpha")))
    assert (row.action, row.actor, row.reason, row.before, row.after) == (
        "rollback", "ada", "wrong teams", "1.1.0", "1.0.0",
    )  # fmt: skip


def test_a_dry_run_changes_nothing(broken: World) -> None:
    before = broken.state("alpha")
    done = back(broken, dry_run=True)
    assert done.to_dict()["dry_run"] is True
    assert done.to_dict()["plan"]["steps"]
    record = broken.plugins.get("alpha")
    assert record is not None
    assert (record.version, broken.state("alpha"), broken.deployer.live["alpha"]) == ("1.1.0", before, "2")


def test_a_smoke_call_that_fails_leaves_everything(broken: World) -> None:
    broken.deployer.fails = "alpha 1.0.0 does not start"
    with pytest.raises(FindingsError):
        back(broken)
    record = broken.plugins.get("alpha")
    assert record is not None
    assert record.version == "1.1.0"
    assert str(broken.state("alpha").state) == "auto_disabled"


def test_one_that_was_interrupted_after_live_moved_goes_on(broken: World) -> None:
    broken.deployer.live["alpha"] = "1"
    done = back(broken)
    assert (done.after.version, done.after.smoke) == ("1.0.0", "passed")
    assert str(broken.state("alpha").state) == "enabled"


def test_nothing_to_roll_back_to(world: World) -> None:
    with pytest.raises(InvalidInputError, match="there is no plugin"):
        back(world)
    world.deploy("alpha", returns(1))
    with pytest.raises(InvalidInputError) as caught:
        back(world)
    assert caught.value.code == "rollback-nothing"
    assert "services-ai-admin disable alpha" in caught.value.hint


def test_twice_back_is_two_back_and_a_named_version_may_be_a_later_one(world: World) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        world.deploy("alpha", returns(1), version=version)
    assert back(world).after.version == "1.1.0"
    assert back(world).after.version == "1.0.0"
    with pytest.raises(InvalidInputError, match=r"nothing was live before 1\.0\.0"):
        back(world)
    assert back(world, "1.2.0").after.version == "1.2.0"
    with pytest.raises(InvalidInputError) as live:
        back(world, "1.2.0")
    assert live.value.code == "rollback-live"
    with pytest.raises(InvalidInputError, match=r"9\.9 was never live") as unknown:
        back(world, "9.9")
    assert unknown.value.hint == "versions to go back to: 1.0.0, 1.1.0"


def test_a_deploy_that_failed_is_nothing_to_go_back_to_and_takes_no_earlier_one_away(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.deploy("alpha", returns(1), version="1.1.0")
    world.deployer.fails = "no"
    for version in ("1.2.0", "1.0.0"):
        world.submit("alpha", version)
        with pytest.raises(FindingsError):
            world.approve("alpha", version)
    world.deployer.fails = ""
    assert back(world).after.version == "1.0.0"


def test_what_a_person_disabled_stays_off(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.deploy("alpha", returns(1), version="1.1.0")
    epoch = world.state("alpha").epoch
    world.switch.disable("alpha", actor="ada", reason="no")
    done = back(world)
    assert done.breaker is not None
    assert (str(done.breaker.state), done.breaker.epoch) == ("disabled", epoch + 2)


def test_a_failure_of_the_later_version_that_comes_late_counts_for_nothing(broken: World) -> None:
    epoch = broken.state("alpha").epoch
    back(broken)
    broken.breakers.add_failure("alpha", "lead_created", "late", epoch)
    assert broken.state("alpha").runs == {}
