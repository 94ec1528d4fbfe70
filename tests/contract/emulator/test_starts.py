"""Workers that are killed while they start, and starts that go wrong midway, leave nothing behind."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services_ai_sdk.emulator.bubblewrap import as_user, find_bubblewrap, uid_of
from services_ai_sdk.emulator.cgroups import MemoryGroups
from services_ai_sdk.emulator.errors import EmulatorError
from services_ai_sdk.emulator.launch import spawn
from services_ai_sdk.emulator.orphans import end_orphans, mark_of
from services_ai_sdk.emulator.sandbox import BubblewrapSandbox, Command
from services_ai_sdk.emulator.spec import FunctionSpec
from services_ai_sdk.emulator.store import Store
from tests.contract.emulator.emulators import ARN, CODE, Emulator, artifact, is_alive, shared_store, wait_until

ROUNDS = 200
GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """How a worker that waits for its engine is started, by a bubblewrap of its own: others run beside it."""
    store = shared_store()
    own = store / f"bwrap-{uuid.uuid4().hex}"
    shutil.copy(find_bubblewrap(store), own)
    code = artifact(tmp_path, {"workers.py": (CODE / "workers.py").read_bytes()})
    spec = FunctionSpec(
        "started", f"{ARN}started", "1", "1", "workers.sleeps", "python3.11", 3, 128, {}, code, (), "/f", "role"
    )
    sandbox = BubblewrapSandbox(own, store, memory_in_group=True)
    sandbox.write_inside()
    yield sandbox.command(spec, Store(store, lambda text: None).lay_out(spec), {"_HANDLER": "workers.sleeps"})
    own.unlink()


def of(command: Command) -> set[int]:
    """Living processes that bear the command's line, whoever their parent is now."""
    found = set()
    for pid in _pids():
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(command.argv[0]) + b"\0--args" in line and is_alive(pid):
            found.add(pid)
    return found


def _pids() -> Iterator[int]:
    return (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())


def test_worker_killed_while_it_starts_leaves_no_process(command: Command) -> None:
    before = of(command)
    chance = random.Random(4)
    for _ in range(ROUNDS):
        process = spawn(command, uid_of(1))
        time.sleep(chance.uniform(0, 0.02))
        process.kill()
        process.close()
    wait_until(lambda: not of(command) - before, "every process of every start is gone", within_s=5)


@pytest.fixture
def waiting() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a process that waits for ever and bears a mark as a worker's bubblewrap does."""
    with contextlib.ExitStack() as started:

        def start(mark: str, uid: int | None = uid_of(1)) -> subprocess.Popen[bytes]:
            command = ["/bin/sh", "-c", "read line", json.dumps({"mark": mark})]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", **as_user(uid))  # type: ignore[call-overload]
            started.callback(process.wait)
            started.callback(process.kill)
            return process

        yield start


def mark_of_ended(store: Path) -> str:
    """As of an engine that is gone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as engine:
        mark = mark_of(store, engine.pid)
        engine.communicate()
    return mark


def test_next_engine_ends_what_a_killed_one_left(
    make_emulator: Callable[..., Emulator], waiting: Callable[..., subprocess.Popen[bytes]]
) -> None:
    left = waiting(mark_of_ended(shared_store()))
    make_emulator()
    assert left.wait(5) == -9


def test_only_what_an_ended_engine_of_this_store_left_is_ended(
    tmp_path: Path, waiting: Callable[..., subprocess.Popen[bytes]]
) -> None:
    uids = {uid_of(1) or os.getuid()}
    mark = mark_of_ended(tmp_path)
    left = waiting(mark)
    others = [
        waiting(mark_of(tmp_path, os.getpid())),
        waiting(mark_of_ended(tmp_path / "other")),
        waiting(".".join([*mark.split(".")[:1], "1", *mark.split(".")[2:]])),
        waiting("nonsense"),
    ]
    if os.getuid() == 0:
        others.append(waiting(mark, uid=None))
    assert end_orphans(tmp_path, uids) == [left.pid]
    assert left.wait(5) == -9
    assert [other.poll() for other in others] == [None] * len(others)


def test_pid_that_another_process_has_by_now_is_not_the_engine(
    tmp_path: Path, waiting: Callable[..., subprocess.Popen[bytes]]
) -> None:
    mark = mark_of(tmp_path, os.getpid()).rpartition(".")[0] + ".1"
    left = waiting(mark)
    assert end_orphans(tmp_path, {uid_of(1) or os.getuid()}) == [left.pid]


def open_files() -> set[int]:
    return {int(each.name) for each in Path("/proc/self/fd").iterdir() if each.exists()}


@contextlib.contextmanager
def only_so_many_more_files(count: int) -> Iterator[None]:
    """As on a machine whose open files are nearly used up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = open_files()
    limit = next(limit for limit in range(soft) if limit - sum(fd < limit for fd in taken) == count)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_start_that_fails_midway_leaves_no_file_and_no_process(command: Command) -> None:
    failed = 0
    for count in range(14):
        files, processes = open_files(), of(command)
        with only_so_many_more_files(count):
            try:
                process = spawn(command, uid_of(1))
            except EmulatorError:
                process = None
                failed += 1
        if process is not None:
            process.kill()
            process.close()
        assert open_files() == files, f"with {count} more files"
        assert of(command) == processes, f"with {count} more files"
    assert 6 <= failed < 14


def test_start_with_an_argument_that_no_process_takes_leaves_no_file(command: Command) -> None:
    files = open_files()
    with pytest.raises(EmulatorError):
        spawn(dataclasses.replace(command, argv=(*command.argv, "\0")), uid_of(1))
    assert open_files() == files


def test_memory_group_with_a_limit_that_the_kernel_refuses_leaves_no_folder() -> None:
    groups = MemoryGroups()
    if groups.version == 0:
        pytest.skip("this machine has no writable memory control group")
    with pytest.raises(EmulatorError):
        groups.make(-5)
    assert not [folder for root in GROUPS for folder in root.glob(f"services-ai-{os.getpid()}-*")]
