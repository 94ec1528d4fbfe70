from __future__ import annotations

import json

import pytest

from benchmarks import breaker as simulator
from control_plane.rules import breaker as rules


@pytest.mark.parametrize("calls_per_s", [10.0, 100.0, 1000.0])
@pytest.mark.parametrize("environments", [1, 50])
def test_one_per_cent_of_errors_never_trips(calls_per_s: float, environments: int) -> None:
    assert simulator.healthy(0.01, calls_per_s, environments, hours=0.02).trips == 0


def test_five_per_cent_of_errors_at_a_thousand_a_second_never_trip() -> None:
    found = simulator.healthy(0.05, 1000.0, 50, hours=0.05)
    assert found.failures > 8000
    assert found.trips == 0


@pytest.mark.parametrize("calls_per_s", [10.0, 1000.0])
@pytest.mark.parametrize("environments", [1, 50])
def test_wholly_down_trips_within_a_second(calls_per_s: float, environments: int) -> None:
    found = simulator.down(calls_per_s, environments)
    assert found.tripped
    assert found.fifth_to_trip_s <= 1.0
    assert found.last_call_after_s <= simulator.FRESHNESS_S


def test_the_simulator_runs_the_rule_itself_and_can_trip() -> None:
    assert simulator.breaker is rules
    assert simulator.healthy(0.999, 100.0, 1, hours=0.002).trips > 0


def test_one_object_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulator.main(["--quick", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["ok"]
    assert len(printed["healthy"]) == 10
    assert len(printed["down"]) == 9
