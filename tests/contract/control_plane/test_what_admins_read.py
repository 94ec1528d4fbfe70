"""What an admin reads of a plugin that does not run as it should: since when, how often, and why."""

from __future__ import annotations

from control_plane.rules.moments import iso, moment
from control_plane.table import keys
from control_plane.table.breakers import state_from_item
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import World


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
