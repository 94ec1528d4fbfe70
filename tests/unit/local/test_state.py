from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.state import CloudInfo, StateDir, process_started
from services_ai_sdk.wire.errors import PlatformError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    # pytest's own folders are closed to other users; a state directory must not be.
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o001)
    return tmp_path / "home"


def info(pid: int, started: int) -> CloudInfo:
    return CloudInfo(pid, started, 4599, "services-ai", "us-east-1", "123456789012", "2026-01-01T00:00:00+00:00")


def test_reads_what_it_wrote(home: Path) -> None:
    state = StateDir(home)
    written = info(os.getpid(), process_started(os.getpid()))
    state.write(written)
    assert state.read() == written
    assert json.loads((home / "cloud.json").read_text())["endpoint"] == "http://127.0.0.1:4599"


def test_a_description_of_a_dead_process_is_none(home: Path) -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    state = StateDir(home)
    state.write(info(process.pid, process_started(process.pid)))
    assert state.read() is not None
    process.communicate()
    assert state.read() is None


def test_another_process_with_the_same_id_is_not_it(home: Path) -> None:
    state = StateDir(home)
    state.write(info(os.getpid(), process_started(os.getpid()) - 1))
    assert state.read() is None


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"pid": 1}', '{"pid": "x"}'])
def test_a_broken_description_is_none(home: Path, content: str) -> None:
    state = StateDir(home)
    (home / "cloud.json").write_text(content)
    assert state.read() is None


def test_one_holds_the_lock(home: Path) -> None:
    state = StateDir(home)
    first = state.lock()
    assert first is not None
    assert state.lock() is None
    first.close()
    again = state.lock()
    assert again is not None
    again.close()


def test_functions_can_reach_the_store_and_not_list_the_home(home: Path) -> None:
    state = StateDir(home)
    assert home.stat().st_mode & 0o777 == 0o711
    assert state.store.stat().st_mode & 0o001
    assert not state.logs.stat().st_mode & 0o007


def test_refuses_a_folder_that_others_may_write(home: Path) -> None:
    home.mkdir()
    home.chmod(0o777)
    with pytest.raises(PlatformError, match="written by others") as caught:
        StateDir(home)
    assert caught.value.hint


def test_refuses_a_link(home: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    home.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PlatformError, match="not a directory"):
        StateDir(home)


def test_refuses_a_file(home: Path) -> None:
    home.write_text("")
    with pytest.raises(PlatformError, match="cannot be made"):
        StateDir(home)


def test_refuses_what_functions_cannot_reach(home: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(PlatformError, match="closed to other users"):
        StateDir(closed / "home")


def test_a_zombie_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process_started(process.pid) == 0
    process.wait()
