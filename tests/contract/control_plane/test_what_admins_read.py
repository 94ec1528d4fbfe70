"""What an admin reads of a plugin that does not run as it should: since when, how often, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from control_plane.cli.approve import _describe
from control_plane.cli.trace import trace_lines
from control_plane.operations.granting import grant_all_new
from control_plane.operations.ports import Invoked, NotInvoked
from control_plane.rules.moments import iso, moment
from control_plane.table import keys
from control_plane.table.breakers import state_from_item
from services_ai_sdk.wire.failure import Category, Failure
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import World

REQUEST = "RequestId: 0190f1e2-0000-7000-8000-000000000000"


def dies(kind: str, message: str) -> Callable[[dict[str, Any]], Invoked]:
    """A function whose process ended, as Lambda reports it."""
    return lambda _: Invoked(200, "Unhandled", json.dumps({"errorType": kind, "errorMessage": message}).encode())


def off(world: World) -> float:
    """Switches alpha off; returns when."""
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(5):
        world.fire()
    world.record()
    assert str(world.state("alpha").state) == "auto_disabled"
    return float(world.state("alpha").since_s)


def probe(world: World) -> None:
    """The next probe, and nothing else."""
    world.clock.now = max(world.clock.now, world.state("alpha").probe_at_s)
    assert world.fire()["alpha"]["status"] != "skipped"


def test_failed_probes_do_not_move_when_it_was_switched_off_and_are_told(world: World) -> None:
    since_s = off(world)
    assert world.why.explain("alpha").to_dict()["failed_probes"] is None
    for _ in range(3):
        world.script("alpha", raises("ValueError", "still no route", line=40))
        probe(world)
    last_s = world.clock.now
    assert world.state("alpha").since_s == since_s
    status = world.fleet.one("alpha").to_dict()
    assert status["since"] == iso(since_s)
    assert status["failed_probes"]["count"] == 3
    assert status["failed_probes"]["last_at"] == iso(last_s)
    assert status["failed_probes"]["last_error"] is None, "its record is on its way"
    said = world.why.explain("alpha").sentences
    assert f"3 probes have failed since, the last one at {moment(last_s)} (0 ms ago)." in said
    world.record()
    explained = world.why.explain("alpha")
    assert explained.sentences[0].startswith(f"It has been off since {moment(since_s)} (")
    assert explained.sentences[1].endswith("ago): ValueError: still no route at main.py:40 in route.")
    assert explained.to_dict()["failed_probes"]["last_error"]["where"] == "main.py:40 in route"


def test_while_it_is_probed_it_is_still_said_when_it_was_switched_off(world: World) -> None:
    since_s = off(world)
    probe(world)
    world.script("alpha", returns(1))
    probe(world)
    assert str(world.state("alpha").state) == "probing"
    sentences = world.why.explain("alpha").sentences
    assert sentences[0].startswith(f"It has been off since {moment(since_s)}")
    assert sentences[1].startswith("1 probe has failed since, at ")
    assert sentences[2].startswith("It is being probed: 1 of 3")
    for _ in range(2):
        probe(world)
    on = world.state("alpha")
    assert (str(on.state), on.probes_failed, on.probe_failed_id) == ("enabled", 0, "")
    assert on.since_s == world.clock.now
    assert world.fleet.one("alpha").to_dict()["failed_probes"] is None


def test_a_breaker_that_an_older_version_wrote_is_read(world: World) -> None:
    off(world)
    probe(world)
    item = world.table.get(keys.breaker("alpha"))
    assert item is not None
    old = {name: value for name, value in item.items() if not name.startswith(("probes_failed", "probe_failed"))}
    assert (state_from_item(old).probes_failed, state_from_item(old).probe_failed_id) == (0, "")


def test_a_process_that_ended_is_told_in_words_without_the_request_id(world: World) -> None:
    world.deploy("alpha", dies("Runtime.ExitError", f"{REQUEST} Error: Runtime exited with error: exit status 3"))
    for _ in range(5):
        world.fire()
    world.record()
    (group,) = world.errors.groups("alpha")
    assert group.message.startswith("RequestId: "), "programs read what Lambda said"
    assert world.state("alpha").evidence.message.startswith("RequestId: ")


def test_no_trace_is_said_to_be_missing_only_where_the_process_ended() -> None:
    ended = Failure("Runtime.ExitError", "x", Category.RUNTIME_ERROR)
    assert trace_lines(ended)[0] == "(no trace: the process itself ended)"
    lives = Failure("HookResultError", "7 MB, more than 6 MB", Category.RESPONSE_ERROR)
    assert trace_lines(lives) == ["HookResultError: 7 MB, more than 6 MB"]


NEEDS = "needs Python 3.14 (run `uv python install 3.14`)"


def lacks_python(_: dict[str, Any]) -> Invoked:
    raise NotInvoked("InvalidRuntimeException: no", not_run=NEEDS)


def test_a_plugin_that_this_machine_cannot_run_is_said_to_be_skipped(world: World) -> None:
    world.deployer.smoke = f"not run: {NEEDS}"
    world.deploy("alpha", lacks_python)
    assert world.fleet.one("alpha").to_dict()["not_run"] == {"last_hour": 0, "why": NEEDS}
    for _ in range(3):
        assert world.fire()["alpha"]["status"] == "skipped"
    world.record()
    status = world.fleet.one("alpha")
    assert status.to_dict()["not_run"] == {"last_hour": 3, "why": NEEDS}
    assert status.activity.skipped == 3
    said = world.why.explain("alpha").sentences
    assert f"It does not run here, and its calls are skipped (3 calls in the last hour): {NEEDS}." in said
    assert world.why.explain("alpha").to_dict()["not_run"]["last_hour"] == 3


def test_a_plugin_that_runs_again_is_not_said_to_be_skipped(world: World) -> None:
    world.deployer.smoke = f"not run: {NEEDS}"
    world.deploy("alpha", lacks_python)
    world.fire()
    world.clock.now += 90
    world.script("alpha", returns(1))
    world.fire()
    world.record()
    status = world.fleet.one("alpha")
    assert (status.lacking, status.to_dict()["not_run"]) == ("", {"last_hour": 1, "why": ""})
    said = " ".join(world.why.explain("alpha").sentences)
    assert "does not run here" not in said
    assert "In the last hour 1 call was skipped, before it could run here." in said
    world.clock.now += 7200
    world.deploy("alpha", lacks_python, version="1.0.1")
    assert world.fleet.one("alpha").lacking == NEEDS


def test_a_plugin_that_cannot_run_here_comes_before_the_healthy_ones(world: World) -> None:
    world.deploy("alpha", returns(1))
    world.deployer.smoke = f"not run: {NEEDS}"
    world.deploy("beta", lacks_python)
    assert [row.plugin_id for row in world.fleet.all()] == ["beta", "alpha"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_approve_says_that_it_will_not_run_here(
    world: World, capsys: pytest.CaptureFixture[str], dry_run: bool
) -> None:
    world.submit("alpha", limits={"memory_mb": 384, "timeout_s": 7})
    approver = replace(world.approver, lacks=lambda runtime: NEEDS if runtime == "python3.11" else "")
    done = approver.approve(
        "alpha", version=None, actor="ada", progress=lambda _: None, decide=grant_all_new, dry_run=dry_run
    )
    assert done.to_dict()["lacking"] == NEEDS
    assert done.to_dict()["limits"]["memory_mb"] == 384
    _describe(done)
    text = " ".join(capsys.readouterr().out.split())
    assert f"not run here: {NEEDS}." in text
    assert "each of its calls is skipped" in text
    assert "runs as python3.11, 384 MB, 7 s" in text
    assert "size 1 KB unzipped" in text


def test_where_functions_run_elsewhere_the_smoke_call_knows(world: World) -> None:
    world.submit("alpha")
    world.deployer.smoke = f"not run: {NEEDS}"
    assert world.approve("alpha", dry_run=True).lacking == ""
    assert world.approve("alpha").lacking == NEEDS


def test_approving_again_changes_no_time_of_deploy(world: World) -> None:
    world.submit("alpha")
    world.approve("alpha")
    first = world.plugins.get("alpha")
    world.clock.now += 3600
    world.approver.approve("alpha", version=None, actor="bob", progress=lambda _: None, decide=grant_all_new)
    again = world.plugins.get("alpha")
    assert first is not None
    assert again is not None
    assert (again.deployed_at_ms, again.deployed_by) == (first.deployed_at_ms, "ada")
    assert world.fleet.one("alpha").attempt is None
    world.submit("alpha", "1.1.0")
    world.approve("alpha")
    newer = world.plugins.get("alpha")
    assert newer is not None
    assert newer.deployed_at_ms == first.deployed_at_ms + 3_600_000
