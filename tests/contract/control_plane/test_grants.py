"""Exactly what is asked for, or less: who decides, when, and what reaches the version that is live."""

from __future__ import annotations

from typing import Any

import pytest

from control_plane.cli.approve import _describe, granted_lines
from control_plane.cli.grant_options import GrantOptions, in_words
from control_plane.operations.granting import Asking
from control_plane.operations.policy_change import pending_change
from control_plane.table.audit import AuditTable
from control_plane.table.plugins import PluginRecord
from services_ai_sdk.access.capabilities import WORDS
from services_ai_sdk.access.grants import Grants
from services_ai_sdk.hooks.permissions import PERMISSIONS
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError
from tests.contract.control_plane.fakes import returns
from tests.contract.control_plane.world import World

ASKS = {"permissions": ["read_leads", "write_leads"], "capabilities": ["storage", "email"], "network": "internet"}


def options(*, grant: tuple[str, ...] = (), without: tuple[str, ...] = (), **more: bool) -> GrantOptions:
    flags: dict[str, Any] = {"yes": False, "interactive": False, "dry_run": False, **more}
    return GrantOptions(grant, without, **flags)


def record(world: World) -> PluginRecord:
    found = world.plugins.get("alpha")
    assert found is not None
    return found


def test_what_is_granted_is_recorded_deployed_and_sent_along(world: World) -> None:
    world.submit("alpha", **ASKS)
    done = world.approve("alpha", decide=options(grant=("read_leads", "email")))
    assert world.deployer.releases[-1].grants == Grants(("read_leads",), ("email",), "none")
    assert record(world).grants == Grants(("read_leads",), ("email",), "none")
    assert record(world).asked.names == ("read_leads", "write_leads", "storage", "email", "network")
    (release,) = world.plugins.releases("alpha")
    assert release.grants == record(world).grants
    (row,) = [row for row in AuditTable(world.table).rows("alpha") if row.action == "approve"]
    assert row.detail == "granted read_leads, email; withheld write_leads, storage, network"
    assert done.record is not None
    world.invoker.scripts[done.record.alias_arn] = returns(1)
    world.fire()
    assert world.invoker.calls[-1][1]["permissions"] == ["read_leads"]
    assert done.to_dict()["grants"]["withheld"] == ["write_leads", "storage", "network"]


def test_without_names_what_is_withheld(world: World) -> None:
    world.submit("alpha", **ASKS)
    world.approve("alpha", decide=options(without=("network", "write_leads")))
    assert record(world).grants == Grants(("read_leads",), ("storage", "email"), "none")


@pytest.mark.parametrize("way", ["grant", "without"])
def test_more_than_is_asked_for_is_refused_and_changes_nothing(world: World, way: str) -> None:
    world.submit("alpha", **ASKS)
    with pytest.raises(InvalidInputError) as caught:
        world.approve("alpha", decide=options(**{way: ("queue",)}))  # type: ignore[arg-type]
    assert caught.value.code == "not-asked-for"
    assert world.deployer.releases == []
    assert world.plugins.get("alpha") is None
    assert list(world.plugins.releases("alpha")) == []


def test_a_decision_that_grants_more_is_no_decision(world: World) -> None:
    world.submit("alpha", permissions=["read_leads"])
    with pytest.raises(InvalidInputError, match="does not ask for storage"):
        world.approve("alpha", decide=lambda _: Grants(("read_leads",), ("storage",)))
    assert world.deployer.releases == []


def test_nobody_to_ask_is_an_error_that_says_how(world: World) -> None:
    world.submit("alpha", **ASKS)
    with pytest.raises(InvalidInputError) as caught:
        world.approve("alpha", decide=options())
    assert caught.value.code == "grants-undecided"
    assert "--yes" in caught.value.hint
    assert world.deployer.releases == []
    assert world.approve("alpha", decide=options(dry_run=True), dry_run=True).grants.names
    world.submit("beta")
    world.approve("beta", decide=options())


def test_an_upgrade_within_the_grants_needs_no_question_and_keeps_them(world: World) -> None:
    world.submit("alpha", **ASKS)
    world.approve("alpha", decide=options(without=("email",)))
    world.submit("alpha", "1.1.0", **ASKS)
    world.approve("alpha", decide=options())
    assert record(world).version == "1.1.0"
    assert record(world).grants.capabilities == ("storage",)
    assert record(world).asked.capabilities == ("storage", "email")
    world.submit("alpha", "1.2.0", permissions=["read_leads"])
    world.approve("alpha", decide=options())
    assert record(world).grants == Grants(("read_leads",))


def test_an_upgrade_that_is_wider_is_decided_on_before_it_reaches_anything(world: World) -> None:
    world.deploy("alpha", returns("old"), permissions=["read_leads"])
    world.submit("alpha", "1.1.0", permissions=["read_leads", "write_leads"], capabilities=["storage"])
    with pytest.raises(
        InvalidInputError, match=r"1\.1\.0 is wider than 1\.0\.0 and asks for write_leads, storage"
    ):
        world.approve("alpha", decide=options())
    assert record(world).version == "1.0.0"
    # Granted, but its smoke call fails: what is live keeps what it had.
    world.deployer.fails = "the smoke call failed"
    with pytest.raises(FindingsError):
        world.approve("alpha", decide=options(yes=True))
    world.fire()
    assert world.invoker.calls[-1][1]["permissions"] == ["read_leads"]
    assert record(world).grants == Grants(("read_leads",))
    # That was decided for these bytes: what goes on is not asked again.
    world.deployer.fails = ""
    done = world.approve("alpha", decide=options())
    assert done.grants == Grants(("read_leads", "write_leads"), ("storage",))
    world.clock.now += 10
    world.fire()
    assert world.invoker.calls[-1][1]["permissions"] == ["read_leads", "write_leads"]


def test_what_was_taken_away_since_does_not_come_back_with_an_old_attempt(world: World) -> None:
    world.deploy("alpha", returns(1), capabilities=["storage"])
    world.submit("alpha", "1.1.0", capabilities=["storage"])
    world.deployer.fails = "no"
    with pytest.raises(FindingsError):
        world.approve("alpha", "1.1.0")
    world.deployer.fails = ""
    world.clock.now += 10
    world.submit("alpha", "1.2.0", capabilities=["storage"])
    world.approve("alpha", "1.2.0", decide=options(without=("storage",)))
    assert world.approve("alpha", "1.1.0", decide=options()).grants == Grants()


def test_approving_again_with_other_grants_changes_them(world: World) -> None:
    world.submit("alpha", **ASKS)
    world.approve("alpha", decide=options(grant=("read_leads",)))
    world.approve("alpha", decide=options(grant=("storage",)))
    assert record(world).grants == Grants(("read_leads",), ("storage",))
    world.approve("alpha", decide=options(without=("read_leads",)))
    assert record(world).grants == Grants((), ("storage",)), "what was withheld before stays so"


def test_flags_that_contradict_each_other() -> None:
    with pytest.raises(InvalidInputError, match="contradict"):
        options(grant=("a",), without=("b",))
    with pytest.raises(InvalidInputError, match="--yes"):
        options(grant=("a",), yes=True)


def test_in_a_terminal_each_is_asked_for_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    asked = Grants(("read_leads", "write_leads"), ("storage",), ("api.example.com",))
    asking = Asking("alpha", "1.1.0", asked, Grants(("read_leads",)), asked.names[1:], "1.0.0")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\nn\n\n"))
    assert options(interactive=True)(asking) == Grants(("read_leads", "write_leads"))
    said = capsys.readouterr().err
    assert "alpha 1.1.0 is wider than 1.0.0 and asks for:" in said
    for text in (PERMISSIONS["write_leads"], WORDS["storage"], "reach the host api.example.com"):
        assert text in said


def test_everything_that_can_be_asked_for_has_words() -> None:
    assert all(in_words(name) != "unknown to this version" for name in (*PERMISSIONS, *WORDS, "network"))


def test_the_screen_shows_what_was_withheld_and_what_is_wider(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.deploy("alpha", returns(1), permissions=["read_leads"])
    world.submit("alpha", "1.1.0", **ASKS)
    _describe(world.approve("alpha", decide=options(grant=("storage",))))
    shown = capsys.readouterr().out
    assert "capabilities storage" in shown
    assert "withheld     write_leads, email, network" in shown
    assert "wider        than 1.0.0: write_leads, storage, email, network" in shown
    assert granted_lines(Grants(), Grants(), "none")[-1] == ("network", "none")


def test_a_pending_upgrade_and_what_it_changes(world: World) -> None:
    keep = {"Sid": "Keep", "Why": "k"}
    world.deployer.policies = {"1.0.0": [keep, {"Sid": "Old", "Why": "o"}], "1.1.0": [keep, {"Sid": "New"}]}
    world.deploy("alpha", returns(1))
    assert record(world).policy == ({"Sid": "Keep", "Why": "k"}, {"Sid": "Old", "Why": "o"})
    assert pending_change(world.approver, record(world), lambda _: None) is None
    world.submit("alpha", "1.1.0")
    change = pending_change(world.approver, record(world), lambda _: None)
    assert change is not None
    assert (change.version, change.added, change.removed) == (
        "1.1.0", ({"Sid": "New"},), ({"Sid": "Old", "Why": "o"},),
    )  # fmt: skip
    sha256 = world.submit("beta")
    body = world.store.objects[f"submissions/beta/1.0.0/{sha256}/package.zip"][1]
    world.store.put(f"submissions/alpha/1.2.0/{'0' * 64}/package.zip", body, "2027-01-01T00:00:00+00:00")
    broken = pending_change(world.approver, record(world), lambda _: None)
    assert broken is not None
    assert broken.to_dict()["error"]
