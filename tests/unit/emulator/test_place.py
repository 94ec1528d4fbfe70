"""Folders appear in the store whole or not at all, whoever else makes the same at the same time."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from services_ai_sdk.emulator.place import place, sweep


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_folder_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "tree"
    with place(target) as folder:
        (folder / "file").write_text("x")
        assert not target.exists()
        assert folder.parent == target.parent
    assert (target / "file").read_text() == "x"
    assert target.stat().st_mode & 0o777 == 0o755
    assert left_over(target.parent) == []


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    def fail() -> None:
        with place(tmp_path / "tree") as folder:
            (folder / "half").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_first_wins_and_the_second_drops_its_own(tmp_path: Path) -> None:
    target = tmp_path / "tree"
    with place(target) as second:
        (second / "by").write_text("second")
        with place(target) as first:
            (first / "by").write_text("first")
    assert (target / "by").read_text() == "first"
    assert left_over(tmp_path) == []


def test_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "tree").write_text("x")
    with pytest.raises(OSError, match="tree"), place(tmp_path / "tree") as folder:
        (folder / "a").write_text("x")
    assert left_over(tmp_path) == []


def test_many_threads_at_once(tmp_path: Path) -> None:
    target, barrier, errors = tmp_path / "tree", threading.Barrier(16), []

    def make(number: int) -> None:
        try:
            barrier.wait()
            with place(target) as folder:
                for name in range(20):
                    (folder / str(name)).write_text(str(number))
        except Exception as error:  # noqa: BLE001 - the assertion below shows it
            errors.append(error)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    # All of one maker: no mixture.
    assert len({path.read_text() for path in target.iterdir()}) == 1
    assert len(list(target.iterdir())) == 20
    assert left_over(tmp_path) == []


def _place_and_hang(target: Path, ready: object) -> None:
    with place(target) as folder:
        (folder / "half").write_text("x")
        ready.set()  # type: ignore[attr-defined]
        threading.Event().wait()


def test_sweep_removes_what_the_dead_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    dead = context.Process(target=_place_and_hang, args=(tmp_path / "dead", ready))
    dead.start()
    assert ready.wait(20)
    with place(tmp_path / "alive") as mine:
        sweep(tmp_path)
        assert len(left_over(tmp_path)) == 2
        dead.kill()
        dead.join()
        sweep(tmp_path)
        assert left_over(tmp_path) == [mine.name]
    assert (tmp_path / "alive").is_dir()


def test_sweep_leaves_other_names_alone(tmp_path: Path) -> None:
    for name in (".partial", ".x-1.partial", "tree", f".{os.getpid()}-a.partial"):
        (tmp_path / name).mkdir()
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    sweep(tmp_path / "absent")
