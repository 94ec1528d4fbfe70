"""What goes on in a worker after its call has been answered does not go on beside other calls."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.emulator.emulators import Emulator, is_alive, wait_until

LEAVES = """
import os, subprocess, threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
def handle(event, context):
    what = (event or {}).get("leaves")
    if what == "thread":
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    if what == "two threads":
        for _ in range(2):
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    if what == "process":
        subprocess.Popen(["/bin/sh", "-c", "sleep 600"]) if os.path.exists("/bin/sh") else fork()
    if what == "daemon":
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        os.wait()
    if what == "zombie":
        if (pid := os.fork()) == 0:
            os._exit(0)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    if what == "nothing":
        thread = threading.Thread(target=time.sleep, args=(0.01,))
        thread.start()
        thread.join()
    return os.getpid()
def fork():
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
"""


@pytest.mark.parametrize(
    ("what", "words"),
    [("thread", "1 thread"), ("two threads", "2 threads"), ("process", "1 process"), ("daemon", "1 process")],
)
def test_worker_is_replaced(emulator: Emulator, what: str, words: str) -> None:
    name = f"leaves-{what.replace(' ', '-')}"
    emulator.add(name, LEAVES)
    first = emulator.call(name, {"leaves": what})
    assert first.error is None
    wait_until(lambda: not is_alive(first.pid), "the end of the worker")
    assert emulator.call(name).pid != first.pid
    remarks = [line for line in emulator.log.of(name) if line.startswith("[")]
    assert remarks == [
        f"[{words} outlived a call: its worker is replaced; on Lambda what is left goes on in the next call]"
    ]


@pytest.mark.parametrize("what", ["zombie", "nothing", None])
def test_worker_in_which_nothing_goes_on_is_kept(emulator: Emulator, minor: str, what: str | None) -> None:
    """A thread that was there after the import is the function's own, also where the runtime client has some."""
    name = f"keeps-{what}-{minor.replace('.', '')}"
    emulator.add(name, LEAVES, runtime=f"python{minor}")
    pids = set()
    for _ in range(3):
        pids.add(emulator.call(name, {"leaves": what}).pid)
        wait_until(lambda: emulator.log.of(name)[-1:] != [], "the call's log")
    assert len(pids) == 1
    assert not [line for line in emulator.log.of(name) if line.startswith("[")]


def test_worker_that_is_never_idle_long_is_replaced_too(emulator: Emulator) -> None:
    emulator.add("never-idle", LEAVES)
    pids = [emulator.call("never-idle", {"leaves": "thread"}).pid for _ in range(200)]
    assert len(set(pids)) > 1


def test_longest_idle_worker_gives_way_where_memory_is_short(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(memory_max_mb=200)
    for name in ("first", "second", "third"):
        emulator.add(
            name,
            "kept = bytearray(80 << 20)\nfor place in range(0, len(kept), 4096):\n    kept[place] = 1\n" + LEAVES,
            memory_mb=256,
        )
    pids = {name: emulator.call(name).pid for name in ("first", "second")}
    wait_until(lambda: emulator.engine.status()["memory_mb"] > 160, "a look at the workers")
    pids["third"] = emulator.call("third").pid
    wait_until(lambda: not is_alive(pids["first"]), "the first to be gone")
    assert is_alive(pids["third"])
    wait_until(lambda: emulator.engine.status()["memory_mb"] <= 200, "no more than there may be")


def test_one_worker_always_runs(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(memory_max_mb=1)
    for name in ("one", "two"):
        emulator.add(name, LEAVES)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(emulator.call, ["one", "two", "one", "two"]))
    assert [answer.error for answer in answers] == [None] * 4
