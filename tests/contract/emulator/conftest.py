"""One emulator for a test module, and a factory for tests that need one of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services_ai_sdk.emulator.errors import InterpreterMissingError
from services_ai_sdk.emulator.interpreters import find_interpreter
from tests.contract.emulator.emulators import Emulator


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Shared by a module: each test takes function names of its own."""
    started = Emulator(tmp_path_factory.mktemp("code"))
    yield started
    started.close()
    assert started.loop_errors == []


@pytest.fixture
def make_emulator(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Makes one for this test alone."""
    made: list[Emulator] = []

    def make(**options: object) -> Emulator:
        made.append(Emulator(tmp_path, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session", params=["3.11", "3.12", "3.13"])
def minor(request: pytest.FixtureRequest) -> str:
    """Every Python that the platform supports, as far as it is on this machine."""
    try:
        find_interpreter(request.param)
    except InterpreterMissingError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    return str(request.param)
