"""The engine under functions that hang, leak, die and flood, for a long time: `./dev soak [--seconds N]`.

Every call must be answered and classified, no worker may be stuck, the engine's memory must stay flat, and no
process may be left at the end. Exit code 1 when one of these is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import os
import random
import sys
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.spec import Artifact, Credentials, FunctionSpec

CALLERS = 8
TIMEOUT_S = 1
ANSWERED_WITHIN_S = 30.0
"""A call may wait for a worker behind others that hang; longer than this is stuck."""
GROWTH_MAX_MB = 24.0

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


class Functions:
    """The functions above, from a zip on disk."""

    def __init__(self, folder: Path) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("main.py", CODE)
        path = folder / "code.zip"
        path.write_bytes(buffer.getvalue())
        self._code = Artifact(hashlib.sha256(buffer.getvalue()).hexdigest(), path)

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        """The emulator's."""
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return FunctionSpec(
            function, arn, "$LATEST", "1", f"main.{function}", runtime, TIMEOUT_S, 128, {}, self._code, (),
            f"/aws/lambda/{function}", "arn:aws:iam::123456789012:role/soak",
        )  # fmt: skip

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        """The emulator's."""
        return Credentials("key", "secret", "token")


class NoLog:
    """Lines go nowhere."""

    def write(self, spec: FunctionSpec, stream: str, lines: list[LogLine]) -> None:
        """The emulator's."""


@dataclass(slots=True)
class Seen:
    """What happened."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    stuck: int = 0
    slowest_s: float = 0.0
    memory_mb: list[float] = field(default_factory=list)


async def soak(seconds: float, store: Path, folder: Path) -> dict[str, Any]:
    """Runs it; returns what was seen and `problems`, which is empty when all is well."""
    engine = Engine(Functions(folder), NoLog(), store=store)
    seen, until = Seen(), time.monotonic() + seconds
    await engine.invoke("steady", None, b"{}")
    await asyncio.gather(*(_caller(engine, seen, until, number) for number in range(CALLERS)), _watch(seen, until))
    left = [worker for worker in engine.status()["workers"] if worker["state"] == "busy"]
    await engine.close()
    alive = [pid for pid in _children() if pid != os.getpid()]
    return _verdict(seen, left, alive)


async def _caller(engine: Engine, seen: Seen, until: float, number: int) -> None:
    chance = random.Random(number)
    while time.monotonic() < until:
        function = chance.choices(list(EXPECTED), weights=(60, 2, 12, 14, 12))[0]
        started = time.monotonic()
        try:
            answer = await asyncio.wait_for(engine.invoke(function, None, b'{"n": 1}'), ANSWERED_WITHIN_S)
        except TimeoutError:
            seen.stuck += 1
            continue
        except InvokeRefused as refusal:
            seen.outcomes[(function, refusal.error_type)] += 1
            continue
        kind = json.loads(answer.payload)["errorType"] if answer.function_error else "ok"
        seen.outcomes[(function, kind)] += 1
        seen.slowest_s = max(seen.slowest_s, time.monotonic() - started)


async def _watch(seen: Seen, until: float) -> None:
    while time.monotonic() < until:
        seen.memory_mb.append(_resident_mb())
        await asyncio.sleep(0.5)


def _verdict(seen: Seen, left: list[Any], alive: list[int]) -> dict[str, Any]:
    problems = [
        f"{function} answered {kind} {count} times"
        for (function, kind), count in sorted(seen.outcomes.items())
        if kind not in EXPECTED[function]
    ]
    if seen.stuck:
        problems.append(f"{seen.stuck} calls were not answered within {ANSWERED_WITHIN_S:.0f} s")
    if left:
        problems.append(f"workers still busy after the last call: {left}")
    if alive:
        problems.append(f"processes left after the engine closed: {alive}")
    # The first third warms caches up; what grows after it keeps growing.
    settled = seen.memory_mb[len(seen.memory_mb) // 3 :]
    growth_mb = max(settled[-3:]) - min(settled[:3]) if len(settled) > 6 else 0.0
    if growth_mb > GROWTH_MAX_MB:
        problems.append(f"the engine's memory grew by {growth_mb:.0f} MB")
    return {
        "calls": sum(seen.outcomes.values()),
        "outcomes": {f"{function} {kind}": count for (function, kind), count in sorted(seen.outcomes.items())},
        "slowest_s": round(seen.slowest_s, 2),
        "memory_growth_mb": round(growth_mb, 1),
        "problems": problems,
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _children() -> list[int]:
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    return [int(pid) for pid in text.split()]


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--store", type=Path, help="where Pythons are kept; default: a folder below /var/tmp")
    arguments = parser.parse_args(argv)
    store = arguments.store or Path(f"/var/tmp/services-ai-soak-{os.getuid()}")
    store.mkdir(mode=0o711, exist_ok=True)
    with TemporaryDirectory(prefix="services-ai-soak-") as folder:
        seen = uvloop.run(soak(arguments.seconds, store, Path(folder)))
    if arguments.json:
        print(json.dumps(seen))
    else:
        for name, count in seen["outcomes"].items():
            print(f"{count:>9,}  {name}")
        print(f"{seen['calls']:,} calls, slowest {seen['slowest_s']} s, memory +{seen['memory_growth_mb']} MB")
        print("\n".join(f"PROBLEM: {problem}" for problem in seen["problems"]) or "all answered, nothing left")
    return 1 if seen["problems"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
