from __future__ import annotations

import hashlib

import pytest

from control_plane.cli.approve import _describe
from control_plane.operations.granting import grant_all_new
from control_plane.table.audit import AuditTable
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError
from services_ai_sdk.wire.failure import Category, Failure, Frame
from tests.contract.control_plane.fakes import JsonInspector, raises, returns
from tests.contract.control_plane.world import World


def test_an_approval_records_deploys_and_routes(world: World) -> None:
    sha256 = world.submit("alpha", permissions=["read_leads"])
    done = world.approve("alpha", reason="looks fine")
    assert done.record is not None
    assert done.record.package_sha256 == sha256
    assert done.record.grants.permissions == ("read_leads",)
    (release,) = world.deployer.releases
    assert release.package.key == f"artifacts/{sha256}.zip"
    assert hashlib.sha256(world.store.objects[release.package.key][1]).hexdigest() == sha256
    assert [row.action for row in AuditTable(world.table).rows("alpha")] == ["deploy", "approve"]
    assert [release.status for release in world.plugins.releases("alpha")] == ["deployed"]
    assert done.to_dict()["deployment"]["smoke"] == "passed"
    assert done.to_dict()["state"] == "enabled"
    world.invoker.scripts[done.record.alias_arn] = returns("hello")
    assert world.fire()["alpha"]["value"] == "hello"


def test_a_dry_run_changes_nothing(world: World) -> None:
    world.submit("alpha")
    before = dict(world.store.objects)
    world.client.calls.clear()
    done = world.approve("alpha", dry_run=True)
    assert done.to_dict()["dry_run"]
    assert done.plan.to_dict()["steps"]
    assert set(world.client.calls) <= {"get_item", "query"}
    assert world.store.objects == before
    assert world.deployer.releases == []


def test_a_failed_deploy_is_recorded_and_what_was_live_stays(world: World) -> None:
    world.deploy("alpha", returns("old"))
    world.submit("alpha", "1.1.0")
    world.deployer.fails = "the smoke call failed"
    with pytest.raises(FindingsError):
        world.approve("alpha", "1.1.0")
    assert world.fire()["alpha"]["value"] == "old"
    assert {release.version: release.status for release in world.plugins.releases("alpha")} == {
        "1.0.0": "deployed",
        "1.1.0": "failed",
    }
    assert next(iter(AuditTable(world.table).rows("alpha"))).action == "deploy-failed"


def test_a_new_version_begins_with_a_clean_record_and_gives_up_old_hooks(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"), hooks=["lead_created", "lead_updated"])
    for _ in range(5):
        world.fire()
    assert str(world.state("alpha").state) == "auto_disabled"
    world.deploy("alpha", returns(1), version="1.0.1", hooks=[{"name": "lead_created", "priority": 10}])
    world.clock.now += 10
    assert world.fire()["alpha"]["status"] == "ok"
    assert world.fire("lead_updated") == {}
    assert len(list(world.table.query("HOOK#lead_created"))) == 1


def test_the_same_version_again_changes_no_state(world: World) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(5):
        world.fire()
    before = world.state("alpha")
    world.approve("alpha")
    after = world.state("alpha")
    assert (after.state, after.epoch, after.evidence) == (before.state, before.epoch, before.evidence)


def test_a_manual_disable_outlives_a_deploy(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.switch.disable("alpha", actor="ada", reason="no")
    world.deploy("alpha", returns(2), version="1.0.1")
    assert str(world.state("alpha").state) == "disabled"
    assert world.state("alpha").reason == "no"


def test_the_newest_submission_of_the_asked_version_is_taken(world: World) -> None:
    world.submit("alpha", "1.0.0")
    newest = world.submit("alpha", "1.0.0", description="again")
    world.submit("alpha", "2.0.0")
    done = world.approve("alpha", "1.0.0")
    assert done.record is not None
    assert done.record.package_sha256 == newest
    assert world.approve("alpha").submission.version == "2.0.0"


@pytest.mark.parametrize("version", [None, "9.9.9"])
def test_nothing_submitted(world: World, version: str | None) -> None:
    world.submit("alpha")
    with pytest.raises(InvalidInputError) as caught:
        world.approve("beta" if version is None else "alpha", version)
    assert caught.value.code == "submission-unknown"
    assert caught.value.hint


def test_a_package_under_anothers_name_is_refused(world: World) -> None:
    sha256 = world.submit("alpha")
    body = world.store.objects[f"submissions/alpha/1.0.0/{sha256}/package.zip"][1]
    for place in (f"submissions/beta/1.0.0/{sha256}", f"submissions/gamma/2.0.0/{sha256}"):
        world.store.put(f"{place}/package.zip", body)
    world.store.put(f"submissions/alpha/1.0.0/{'0' * 64}/package.zip", body, "2027-01-01T00:00:00+00:00")
    for plugin_id in ("alpha", "beta", "gamma"):
        with pytest.raises(InvalidInputError) as caught:
            world.approve(plugin_id)
        assert caught.value.code == "submission-mismatch"
    assert world.deployer.releases == []


def test_a_plugin_whose_first_deploy_failed_is_known_with_what_to_do(world: World) -> None:
    world.submit("alpha")
    failure = {"type": "KeyError", "message": "'KEY'", "category": "import_error", "frames": []}
    world.deployer.fails = "alpha 1.0.0 does not start: KeyError: 'KEY'"
    world.deployer.details = {"failure": failure}
    with pytest.raises(FindingsError):
        world.approve("alpha")
    world.clock.now += 120
    status = world.fleet.one("alpha")
    assert (status.state, status.version, status.record) == ("not_deployed", "1.0.0", None)
    assert status.to_dict()["unfinished_deploy"]["failure"] == failure
    because = " ".join(world.why.explain("alpha").sentences)
    for part in (
        "failed at",
        "2 min ago",
        "approved by ada",
        "KeyError: 'KEY'",
        "ever been live",
        "approve alpha",
    ):
        assert part in because
    assert world.fleet.all() == []
    world.deployer.fails = ""
    world.approve("alpha")
    assert world.fleet.one("alpha").attempt is None


def test_a_failed_update_is_told_beside_what_is_live(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.clock.now += 5
    world.submit("alpha", "1.1.0")
    world.deployer.fails = "create-function: no"
    with pytest.raises(FindingsError):
        world.approve("alpha", "1.1.0")
    status = world.fleet.one("alpha")
    assert (status.state, status.version) == ("enabled", "1.0.0")
    sentences = world.why.explain("alpha").sentences
    assert "1.0.0 is still live." in sentences
    assert "Once the cause is gone: services-ai-admin approve alpha --version 1.1.0" in sentences
    world.clock.now += 5
    world.deployer.fails = ""
    world.approve("alpha", "1.0.0")
    assert world.fleet.one("alpha").attempt is None, "what was approved last is live"


def test_approving_again_keeps_what_the_smoke_call_found(world: World) -> None:
    world.submit("alpha")
    world.deployer.smoke = "not run: this machine has no Python 3.99"
    first = world.approve("alpha")
    world.deployer.smoke = "passed"
    again = world.approve("alpha")
    assert first.record is not None
    assert again.record is not None
    assert again.record.smoke == first.record.smoke
    assert again.to_dict()["deployment"]["smoke"] == first.record.smoke
    world.submit("alpha", "1.1.0")
    newer = world.approve("alpha")
    assert newer.record is not None
    assert newer.record.smoke == "passed"


def test_a_smoke_call_that_nobody_recorded_is_not_said_to_have_passed(world: World) -> None:
    # A deploy that was stopped after it had moved `live`, before it was recorded.
    world.deployer.versions["alpha"] = (1, world.submit("alpha"))
    done = world.approve("alpha")
    assert done.record is not None
    assert done.record.smoke.startswith("unknown")


def test_every_line_of_progress_names_the_plugin(world: World) -> None:
    world.submit("alpha")
    lines: list[str] = []
    world.approver.approve("alpha", version=None, actor="ada", progress=lines.append, decide=grant_all_new)
    assert len(lines) >= 3
    assert all(line.startswith("alpha: ") for line in lines)


def test_packages_are_pending_then_installed_and_one_that_does_not_start_has_failed(world: World) -> None:
    sha256 = world.submit("alpha")
    world.store.put(f"submissions/alpha/1.0.0/{sha256}/layer.zip", b"layer")
    frames = (Frame("main.py", 1, "<module>", True, ((1, "import x"),)), Frame("phonenumbers/__init__.py", 9, "f"))
    failure = Failure("ImportError", "no", Category.DEPENDENCY_ERROR, frames).to_dict()
    world.deployer.fails, world.deployer.details = "alpha does not start", {"failure": failure}
    with pytest.raises(FindingsError):
        world.approve("alpha")
    packages = world.fleet.one("alpha").to_dict()["unfinished_deploy"]["dependencies"]
    assert [(one["package"], one["status"], one["reason"]) for one in packages] == [
        ("phonenumbers", "failed", "ImportError: no"),
        ("six", "pending", ""),
    ]
    world.deployer.fails = ""
    world.approve("alpha")
    (known, came_along) = world.plugins.get("alpha").dependencies
    assert (known.status, known.spec, known.size_bytes, known.license, known.import_names) == (
        "installed", ">=8", 2_500_000, "Apache-2.0", ("phonenumbers",),
    )  # fmt: skip
    assert (came_along.status, came_along.spec) == ("installed", "")
    assert world.fleet.one("alpha").attempt is None


@pytest.mark.parametrize("frames", [[], [{"file": "main.py", "line": 1}], [{"file": "elsewhere/x.py", "line": 1}]])
def test_a_failure_that_is_no_packages_fault_fails_none(world: World, frames: list[dict[str, object]]) -> None:
    sha256 = world.submit("alpha")
    world.store.put(f"submissions/alpha/1.0.0/{sha256}/layer.zip", b"layer")
    failure = {"type": "ImportError", "message": "no", "category": "dependency_error", "frames": frames}
    world.deployer.fails, world.deployer.details = "alpha does not start", {"failure": failure}
    with pytest.raises(FindingsError):
        world.approve("alpha")
    packages = world.fleet.one("alpha").to_dict()["unfinished_deploy"]["dependencies"]
    assert {one["status"] for one in packages} == {"pending"}


def test_what_an_author_allows_is_shown_to_whoever_approves(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "'socket' is allowed: the label printer\x1b[31m speaks nothing else"
    world.inspector = JsonInspector((Finding("import-blocked", Severity.WARNING, text, "printer.py", 1, 8),))
    world.submit("alpha")
    found = world.approve("alpha", dry_run=True)
    assert found.to_dict()["findings"][0]["file"] == "printer.py"
    _describe(found)
    printed = " ".join(capsys.readouterr().out.split())
    assert "warning printer.py:1:8: 'socket' is allowed: the label printer" in printed
    assert "\x1b" not in printed
