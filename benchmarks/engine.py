"""The engine against its floor: warm p50/p99, throughput raw and by boto3, cold start, memory a worker.

The floor is the smallest server that can drive awslambdaric, its workers sandboxed the same. Rounds are
interleaved (floor, engine, floor, engine …) and medians compared: what else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.document import write
from benchmarks.engine_parts import load

if TYPE_CHECKING:
    from collections.abc import Iterator

AIM_P50_RATIO = 1.3
CALLERS = (1, 8, 32)


class Server:
    """Floor or engine, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._read()["port"])

    def ask(self, question: str) -> Any:
        """One question."""
        assert self._process.stdin is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the server ended with {self._process.wait()}")
        return json.loads(line)


@contextmanager
def server(kind: str, python: str, store: Path) -> Iterator[Server]:
    """Starts and ends one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.engine_parts.servers", kind, python, str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=30)


def measure(python: str, store: Path, *, rounds: int, seconds: float, colds: int) -> dict[str, dict[str, float]]:
    """Figures by name, each with `floor` and `engine`."""
    seen: dict[str, dict[str, list[float]]] = {}

    def note(name: str, kind: str, value: float) -> None:
        seen.setdefault(name, {"floor": [], "engine": []})[kind].append(value)

    with server("floor", python, store) as floor, server("engine", python, store) as engine:
        both = {"floor": floor, "engine": engine}
        for number in range(rounds):
            for kind, running in both.items():
                one = load.raw(running.port, 1, seconds)
                note("warm p50, ms", kind, one["p50_ms"])
                note("warm p99, ms", kind, one["p99_ms"])
                note("raw, 1 caller, per s", kind, one["per_s"])
                for callers in CALLERS[1:]:
                    note(f"raw, {callers} callers, per s", kind, load.raw(running.port, callers, seconds)["per_s"])
                for callers in CALLERS:
                    note(
                        f"boto3, {callers} callers, per s", kind, load.boto3_calls(running.port, callers, seconds)
                    )
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for kind, running in both.items():
            for pid in running.ask("pids")[:2]:
                rss_mb, pss_mb = _memory(pid)
                note("memory a worker, RSS, MB", kind, rss_mb)
                note("memory a worker, PSS, MB", kind, pss_mb)
        for _ in range(colds):
            for kind, running in both.items():
                note("cold start, ms", kind, running.ask("cold"))
    return {name: {kind: statistics.median(values) for kind, values in by.items()} for name, by in seen.items()}


def _memory(pid: int) -> tuple[float, float]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    lines = {line.split(":")[0]: line.split() for line in text.splitlines()[1:]}
    return int(lines["Rss"][1]) / 1024, int(lines["Pss"][1]) / 1024


def table(figures: dict[str, dict[str, float]]) -> str:
    """For people."""
    rows = [f"{'':<26}{'floor':>10}{'engine':>10}{'ratio':>8}"]
    for name, by in figures.items():
        digits = 0 if "per s" in name else 2
        ratio = by["engine"] / by["floor"]
        rows.append(f"{name:<26}{by['floor']:>10,.{digits}f}{by['engine']:>10,.{digits}f}{ratio:>8.2f}")
    ratio = figures["warm p50, ms"]["engine"] / figures["warm p50, ms"]["floor"]
    met = "met" if ratio <= AIM_P50_RATIO else "missed"
    rows.append(f"aim: warm p50 at most {AIM_P50_RATIO} × the floor: {met} ({ratio:.2f})")
    return "\n".join(rows)


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="./dev bench engine", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round; figures are rough")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--python", default=f"{sys.version_info.major}.{sys.version_info.minor}")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--store", type=Path, help="where Pythons are kept; default: a folder below /var/tmp")
    arguments = parser.parse_args(argv)
    store = arguments.store or Path(f"/var/tmp/services-ai-bench-{os.getuid()}")
    store.mkdir(mode=0o711, exist_ok=True)
    rounds, seconds, colds = (1, 0.5, 3) if arguments.quick else (5, 2.0, 20)
    figures = measure(arguments.python, store, rounds=rounds, seconds=seconds, colds=colds)
    if arguments.json:
        print(json.dumps({"python": arguments.python, "aim_p50_ratio": AIM_P50_RATIO, "figures": figures}))
        return 0
    text = table(figures)
    print(text)
    if arguments.write:
        write(
            text, f"engine {arguments.python}", arguments.python, f"./dev bench engine --python {arguments.python}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
