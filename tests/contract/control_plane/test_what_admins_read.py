"""What an admin reads of a plugin that does not run as it should: since when, how often, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from control_plane.cli.trace import trace_lines
from control_plane.operations.ports import Invoked
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
