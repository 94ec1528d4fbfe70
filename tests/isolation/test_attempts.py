"""Each attempt fails as functions run, and works where the layer that is said to stop it is off."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.isolation.attempts.attempt import Attempt
from tests.isolation.both_ways import NOT_IN_THIS_KERNEL, Engines, engines
from tests.isolation.registry import ATTEMPTS

BY_LAYERS = sorted(ATTEMPTS, key=lambda attempt: attempt.layers)
ALONE = sorted(
    ((attempt, layer) for attempt in ATTEMPTS if len(attempt.layers) > 1 for layer in attempt.layers),
    key=lambda pair: (pair[0].layers, pair[1]),
)


def _name(value: object) -> str:
    return value.name if isinstance(value, Attempt) else str(value)


@pytest.fixture(scope="module")
def made() -> Iterator[Engines]:
    with engines() as found:
        yield found


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(ATTEMPTS) >= 80
    assert len({attempt.name for attempt in ATTEMPTS}) == len(ATTEMPTS)
    assert all(attempt.layers for attempt in ATTEMPTS)
    assert {attempt.area for attempt in ATTEMPTS} >= {
        "files", "network", "processes", "resources", "credentials", "state", "forgery", "imports"
    }  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=_name)
def test_fails(made: Engines, attempt: Attempt) -> None:
    outcome = made.run(attempt, ())
    assert not outcome.did, outcome.detail


@pytest.mark.parametrize("attempt", BY_LAYERS, ids=_name)
def test_works_without_its_layers(made: Engines, attempt: Attempt) -> None:
    outcome = made.run(attempt, attempt.layers)
    if "seccomp" in attempt.layers and outcome.detail in NOT_IN_THIS_KERNEL:
        pytest.skip(f"this machine's kernel or processor has none: {outcome.detail}")
    assert outcome.did, outcome.detail


@pytest.mark.parametrize(("attempt", "alone"), ALONE, ids=_name)
def test_fails_by_each_of_its_layers_alone(made: Engines, attempt: Attempt, alone: str) -> None:
    if alone == "own-user" and os.geteuid() != 0:
        pytest.skip("only root can start processes as other users")
    outcome = made.run(attempt, tuple(layer for layer in attempt.layers if layer != alone))
    assert not outcome.did, outcome.detail
