"""The local cloud under functions that hang, leak, die and flood, for a long time: `./dev soak [--seconds N]`.

A local cloud of its own, with moto, logs, snapshots and the sandbox. Every call must be answered and classified,
no worker may be stuck, the memory of the cloud's two processes must stay flat, and no process may be left at the
end. Exit code 1 when one of these is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from benchmarks.engine_parts.cloud import Clients, deploy, own_cloud
from infra.local import lifecycle
from infra.local.state import CloudInfo

CALLERS = 8
ANSWERED_WITHIN_S = 45
"""A call may wait 30 s for a worker, behind others that hang, before it is refused; longer than this is stuck."""
GROWTH_MAX_MB = 24.0
SETTLES_WITHIN_S = 10.0

CODE = """
import os, random, time
kept = []
def steady(event, context): return event
def hangs(event, context):
    time.sleep(3600 if random.random() < 0.5 else 0)
    return 1
def leaks(event, context):
    kept.append(os.urandom(8 * 1024 * 1024))
    return len(kept)
def dies(event, context):
    if random.random() < 0.3: os._exit(random.choice([0, 1, 9]))
    if random.random() < 0.1: os.kill(os.getpid(), random.choice([9, 11]))
    return 1
def floods(event, context):
    for _ in range(20000): print("x" * 100)
    return 1
"""
EXPECTED = {
    "steady": {"ok"},
    "hangs": {"ok", "Sandbox.Timedout"},
    "leaks": {"ok", "Runtime.OutOfMemory", "MemoryError"},
    "dies": {"ok", "Runtime.ExitError"},
    "floods": {"ok", "Sandbox.Timedout"},
}
WEIGHTS = (60, 2, 12, 14, 12)


@dataclass(slots=True)
class Seen:
    """What happened."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    stuck: int = 0
    slowest_s: float = 0.0
    memory_mb: dict[str, list[float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


def soak(seconds: float) -> dict[str, Any]:
    """Runs it; returns what was seen and `problems`, which is empty when all is well."""
    seen = Seen()
    with own_cloud() as (info, clients):
        for name in EXPECTED:
            deploy(clients, name, CODE, f"main.{name}", Timeout=1, MemorySize=128)
        clients("lambda").invoke(
            FunctionName="steady", Payload=b"{}"
        )  # the client is made once, before the threads
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=_caller, args=(clients, seen, until, each)) for each in range(CALLERS)]
        for thread in threads:
            thread.start()
        processes = {"engine": info.pid, "moto": _moto(info.pid)}
        while any(thread.is_alive() for thread in threads):
            for name, pid in processes.items():
                seen.memory_mb.setdefault(name, []).append(_resident_mb(pid))
            time.sleep(0.5)
        left = _settled(info)
        family = _family(info.pid)
    until = time.monotonic() + SETTLES_WITHIN_S
    while (alive := [pid for pid in family if Path(f"/proc/{pid}").exists()]) and time.monotonic() < until:
        time.sleep(0.1)
    return _verdict(seen, left, alive)


def _caller(clients: Clients, seen: Seen, until: float, number: int) -> None:
    chance = random.Random(number)
    client = clients("lambda")
    while time.monotonic() < until:
        function = chance.choices(list(EXPECTED), weights=WEIGHTS)[0]
        started = time.monotonic()
        try:
            answer = client.invoke(FunctionName=function, Payload=b'{"n": 1}')
            payload = answer["Payload"].read()
            kind = json.loads(payload)["errorType"] if "FunctionError" in answer else "ok"
        except ReadTimeoutError:
            kind = "no answer"
        except ClientError as error:
            kind = str(error.response["Error"]["Code"])
        taken_s = time.monotonic() - started
        with seen.lock:
            seen.outcomes[(function, kind)] += 1
            seen.slowest_s = max(seen.slowest_s, taken_s)
            seen.stuck += taken_s > ANSWERED_WITHIN_S


def _settled(info: CloudInfo) -> list[Any]:
    """Workers that are still busy some time after the last call."""
    until = time.monotonic() + SETTLES_WITHIN_S
    while True:
        busy = [worker for worker in lifecycle.activity(info)["workers"] if worker["state"] == "busy"]
        if not busy or time.monotonic() > until:
            return busy
        time.sleep(0.2)


def _verdict(seen: Seen, left: list[Any], alive: list[int]) -> dict[str, Any]:
    problems = [
        f"{function} answered {kind} {count} times"
        for (function, kind), count in sorted(seen.outcomes.items())
        if kind not in EXPECTED[function]
    ]
    if seen.stuck:
        problems.append(f"{seen.stuck} calls were not answered within {ANSWERED_WITHIN_S} s")
    if left:
        problems.append(f"workers still busy after the last call: {left}")
    if alive:
        problems.append(f"processes left after the local cloud ended: {alive}")
    growth_mb = {name: _growth_mb(values) for name, values in seen.memory_mb.items()}
    problems += [
        f"the memory of the {name}'s process grew by {grown:.0f} MB"
        for name, grown in growth_mb.items()
        if grown > GROWTH_MAX_MB
    ]
    return {
        "calls": sum(seen.outcomes.values()),
        "outcomes": {f"{function} {kind}": count for (function, kind), count in sorted(seen.outcomes.items())},
        "slowest_s": round(seen.slowest_s, 2),
        "memory_growth_mb": {name: round(grown, 1) for name, grown in growth_mb.items()},
        "problems": problems,
    }


def _growth_mb(values: list[float]) -> float:
    """The first half warms caches up and fills logs to their caps; what grows after it keeps growing."""
    settled = values[len(values) // 2 :]
    quarter = max(len(settled) // 4, 1)
    return sorted(settled[-quarter:])[quarter // 2] - sorted(settled[:quarter])[quarter // 2] if settled else 0.0


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _moto(engine_pid: int) -> int:
    """The child that is moto's process."""
    for pid in _children(engine_pid):
        if b"infra.local.moto_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise SystemExit("moto's process is not below the engine's")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, children.read_text(encoding="ascii").split())
    return found


def _family(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        found += _children(each)
    return found


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    seen = soak(arguments.seconds)
    if arguments.json:
        print(json.dumps(seen))
    else:
        for name, count in seen["outcomes"].items():
            print(f"{count:>9,}  {name}")
        grown = ", ".join(f"{name} {mb:+.1f} MB" for name, mb in seen["memory_growth_mb"].items())
        print(f"{seen['calls']:,} calls, slowest {seen['slowest_s']} s; memory: {grown}")
        print("\n".join(f"PROBLEM: {problem}" for problem in seen["problems"]) or "all answered, nothing left")
    return 1 if seen["problems"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
