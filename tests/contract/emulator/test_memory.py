"""Memory on a machine that lets the engine make no control group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.emulator.emulators import Emulator

CHILDREN = """
import os, time
def handle(event, context):
    kept = bytearray(event["shared_mb"] << 20)
    children = []
    for _ in range(event["children"]):
        if (pid := os.fork()) == 0:
            own = bytearray(event["own_mb"] << 20)
            for place in range(0, len(own), 4096):
                own[place] = 1
            time.sleep(event["seconds"])
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    return "done"
"""
FILLS_TMP = """
def handle(event, context):
    written = 0
    try:
        with open("/tmp/file", "wb", buffering=0) as file:
            while written < 1 << 30:
                written += file.write(bytes(1 << 20))
    except OSError as error:
        return [error.strerror, written >> 20]
"""


@pytest.fixture
def ungrouped(make_emulator: Callable[..., Emulator], tmp_path: Path) -> Emulator:
    return make_emulator(cgroups=tmp_path / "no-cgroups")


def test_children_count_with_their_worker(ungrouped: Emulator) -> None:
    ungrouped.add("forks", CHILDREN, memory_mb=128, timeout_s=10)
    answer = ungrouped.call("forks", {"shared_mb": 1, "children": 4, "own_mb": 60, "seconds": 5})
    assert (answer.error, answer.kind) == ("Unhandled", "Runtime.OutOfMemory")


def test_pages_that_a_fork_shares_count_once(ungrouped: Emulator) -> None:
    ungrouped.add("shares", CHILDREN, memory_mb=128, timeout_s=10)
    answer = ungrouped.call("shares", {"shared_mb": 60, "children": 4, "own_mb": 1, "seconds": 0.5})
    assert (answer.error, answer.value) == (None, "done")


def test_tmp_is_no_larger_than_the_functions_memory(ungrouped: Emulator) -> None:
    ungrouped.add("fills", FILLS_TMP, memory_mb=128)
    assert ungrouped.call("fills").value == ["No space left on device", 128]


def test_hog_is_stopped(ungrouped: Emulator) -> None:
    answer = ungrouped.run("faults.hogs", memory_mb=128)
    assert answer.error == "Unhandled"
    assert answer.kind in ("MemoryError", "Runtime.OutOfMemory")


def test_memory_that_no_look_could_see_is_refused(ungrouped: Emulator) -> None:
    answer = ungrouped.run("isolation.memory_that_is_not_mapped", {"bytes": 4096})
    assert answer.value == ["EPERM", "EPERM"]


def test_what_protects_is_said_as_it_is(ungrouped: Emulator) -> None:
    said = [each for each in ungrouped.engine.status()["protections"] if each.startswith("memory")]
    assert len(said) == 1
    assert said[0].startswith("memory less strictly, for want of a control group: a data limit on each process, ")
    assert "may have more in between" in said[0]
