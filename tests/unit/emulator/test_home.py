from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services_ai_sdk.emulator.errors import EmulatorError
from services_ai_sdk.emulator.home import default_home, open_home
from services_ai_sdk.emulator.place import place


@pytest.fixture
def strict() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="services-ai-home-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "home"


@pytest.mark.usefixtures("strict")
def test_whatever_the_umask_functions_can_pass_the_store(home: Path) -> None:
    store = open_home(home)
    with place(store / "bytecode" / "3.11" / "abc") as folder:
        (folder / "file").write_text("x")
    for passed in (
        home,
        store,
        store / "bytecode",
        store / "bytecode" / "3.11",
        store / "bytecode" / "3.11" / "abc",
    ):
        assert passed.stat().st_mode & 0o001, passed
    assert open_home(home) == store


def test_a_home_that_others_may_write_or_that_is_no_folder_is_refused(home: Path) -> None:
    home.mkdir()
    home.chmod(0o777)
    with pytest.raises(EmulatorError, match="can be written by others") as caught:
        open_home(home)
    assert "SERVICES_AI_HOME" in caught.value.hint
    file = home.parent / "file"
    file.write_text("")
    with pytest.raises(EmulatorError):
        open_home(file)


def test_the_variable_names_it() -> None:
    assert default_home({"SERVICES_AI_HOME": "/elsewhere"}) == Path("/elsewhere")
    assert default_home({}).name == f"services-ai-{os.getuid()}"
