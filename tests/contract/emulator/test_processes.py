"""No process and no memory group outlives its engine, however the engine ends."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from services_ai_sdk.emulator.cgroups import MemoryGroups
from tests.contract.emulator.emulators import Emulator, descendants, is_alive, wait_until

ROOT = Path(__file__).parents[3]
GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))


def groups_of(pid: int) -> list[Path]:
    return [folder for root in GROUPS for folder in root.glob(f"services-ai-{pid}-*")]


def test_killed_engine_takes_its_workers_with_it(tmp_path: Path) -> None:
    engine = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("engine_process.py"), tmp_path],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
        cwd=ROOT,
    )
    try:
        assert engine.stdout is not None
        workers = json.loads(engine.stdout.readline())
        # Two workers with a grandchild each that left its session, and bubblewrap's own two.
        below = wait_until(
            lambda: found if len(found := descendants(engine.pid)) >= 8 else None, "workers and grandchildren"
        )
        assert set(workers) <= set(below)
    finally:
        engine.kill()
        engine.wait()
    wait_until(lambda: not any(map(is_alive, below)), "everything below the engine is gone", within_s=2)
    # What the killed engine could not tidy up, the next one does.
    wait_until(lambda: MemoryGroups() and not groups_of(engine.pid), "its memory groups are gone")


def test_close_leaves_nothing(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    emulator.add("idle", handler="workers.sleeps")
    emulator.add("broken", "import nothing_here")
    emulator.add("busy", handler="workers.spawns_and_hangs", timeout_s=60)
    before = set(descendants(os.getpid()))
    pids = {emulator.call("idle").pid}
    emulator.call("broken")
    busy = threading.Thread(target=lambda: _refused(emulator, "busy", {"seconds": 60}))
    busy.start()
    below = wait_until(
        lambda: found if len(found := set(descendants(os.getpid())) - before) >= 7 else None, "all of them run"
    )
    assert pids <= below
    # The engine alone first: with its thread bubblewrap would end by itself.
    emulator.do(emulator.engine.close())
    wait_until(lambda: not any(map(is_alive, below)), "all of them have ended")
    wait_until(lambda: not groups_of(os.getpid()), "no memory group is left")
    emulator.close()
    busy.join(20)
    assert not busy.is_alive()


def test_close_during_init_and_with_waiting_calls_leaves_nothing(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    emulator.add("slow-init", "import time; time.sleep(60)\ndef handle(event, context): pass")
    before = set(descendants(os.getpid()))
    # More calls than one function may have workers: some wait, and must not start workers of their own at the end.
    calls = [threading.Thread(target=lambda: _refused(emulator, "slow-init", {})) for _ in range(12)]
    for call in calls:
        call.start()
    below = wait_until(
        lambda: found if len(found := set(descendants(os.getpid())) - before) >= 30 else None, "ten of them start"
    )
    emulator.do(emulator.engine.close())
    wait_until(lambda: not any(map(is_alive, below)), "all of them have ended")
    wait_until(lambda: not groups_of(os.getpid()), "no memory group is left")
    for call in calls:
        call.join(20)
        assert not call.is_alive()
    wait_until(lambda: not set(descendants(os.getpid())) - before, "and no other was started")
    emulator.close()


def test_close_while_processes_start_leaves_nothing(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    emulator.add("early", handler="workers.sleeps")
    emulator.call("early")
    before = set(descendants(os.getpid()))

    async def start_and_close() -> None:
        import asyncio

        calls = [asyncio.ensure_future(emulator.engine.invoke("early", None, b"{}")) for _ in range(6)]
        while len(emulator.engine._unready) < 3:
            await asyncio.sleep(0)
        await emulator.engine.close()
        await asyncio.gather(*calls, return_exceptions=True)

    emulator.do(start_and_close())
    wait_until(lambda: not set(descendants(os.getpid())) - before, "nothing is left")
    emulator.close()
    wait_until(lambda: not groups_of(os.getpid()), "no memory group is left")


def test_grandchildren_of_a_timed_out_worker_are_gone(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator()
    before = set(descendants(os.getpid()))
    emulator.add("orphans", handler="workers.spawns_and_hangs", timeout_s=1)
    assert emulator.call("orphans", {"seconds": 600}).kind == "Sandbox.Timedout"
    wait_until(lambda: not set(descendants(os.getpid())) - before, "worker and grandchild are gone")


def test_memory_groups_of_living_processes_are_left_alone() -> None:
    groups = MemoryGroups()
    if groups.version == 0:
        pytest.skip("this machine has no writable memory control group")
    mine = groups.make(64)
    assert mine is not None
    MemoryGroups()
    assert groups_of(os.getpid())
    groups.drop(mine)
    assert not groups_of(os.getpid())


def _refused(emulator: Emulator, name: str, event: object) -> None:
    # The engine ends below it: an answer, a refusal or a closed connection will do, if only it comes.
    with contextlib.suppress(BotoCoreError, ClientError):
        emulator.call(name, event)
