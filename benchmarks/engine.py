"""The engine against its floor and its peers: warm p50/p99, throughput raw and by boto3, cold start, memory.

The floor is the smallest server that can drive awslambdaric, its workers sandboxed the same. Rounds are
interleaved (floor, engine, floor, engine …) and medians compared: what else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.arguments import add_workers, bench_parser, store_of
from benchmarks.document import write
from benchmarks.engine_parts import load
from benchmarks.engine_parts.peers import PEERS
from tests.contract.lambda_api.stand_ins import StandInMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

AIM_P50_RATIO = 1.1
AIM_PEER_RATIO = 2.0
AIM_COLD_RATIO = 1.6
CALLERS = (1, 8, 32)
PEERS_CALLERS = (1, 8)


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


Figures = dict[str, dict[str, float]]


class Seen:
    """Values by row and contestant."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, list[float]]] = {}

    def note(self, name: str, kind: str, value: float) -> None:
        """One more value."""
        self._values.setdefault(name, {}).setdefault(kind, []).append(value)

    def medians(self) -> Figures:
        """Of each."""
        return {
            name: {kind: statistics.median(values) for kind, values in by.items()}
            for name, by in self._values.items()
        }


def measure(
    python: str, store: Path, wanted: Sequence[str], *, rounds: int, seconds: float, colds: int
) -> tuple[Figures, dict[str, str]]:
    """Figures by name, each with `floor`, `engine` and the peers; and of each peer that is missing, why."""
    seen, missing = Seen(), {}
    with ExitStack() as running:
        both = {kind: running.enter_context(server(kind, python, store)) for kind in ("floor", "engine")}
        peers = {}
        for name in wanted:
            try:
                peers[name] = running.enter_context(PEERS[name](python))
            except StandInMissingError as error:
                missing[name] = str(error)
        for number in range(rounds):
            for kind, one in (*both.items(), *peers.items()):
                _warm(seen, kind, one.port, CALLERS[1:] if kind in both else PEERS_CALLERS[1:], seconds)
                if kind in both:
                    for callers in CALLERS:
                        per_s = load.boto3_calls(one.port, callers, seconds)
                        seen.note(f"boto3, {callers} callers, per s", kind, per_s)
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for kind, ours in both.items():
            for pid in ours.ask("pids")[:2]:
                rss_mb, pss_mb = _memory(pid)
                seen.note("memory a worker, RSS, MB", kind, rss_mb)
                seen.note("memory a worker, PSS, MB", kind, pss_mb)
        for _ in range(colds):
            for kind, ours in both.items():
                seen.note("cold start, ms", kind, ours.ask("cold"))
            seen.note("cold start, ms", "bare", both["floor"].ask("bare"))
    return seen.medians(), missing


def _warm(seen: Seen, kind: str, port: int, callers: Sequence[int], seconds: float) -> None:
    alone = load.raw(port, 1, seconds)
    seen.note("warm p50, ms", kind, alone["p50_ms"])
    seen.note("warm p99, ms", kind, alone["p99_ms"])
    seen.note("raw, 1 caller, per s", kind, alone["per_s"])
    for many in callers:
        seen.note(f"raw, {many} callers, per s", kind, load.raw(port, many, seconds)["per_s"])


def _memory(pid: int) -> tuple[float, float]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    lines = {line.split(":")[0]: line.split() for line in text.splitlines()[1:]}
    return int(lines["Rss"][1]) / 1024, int(lines["Pss"][1]) / 1024


def table(figures: Figures, missing: Mapping[str, str] | None = None) -> str:
    """For people."""
    peers = [name for name in PEERS if any(name in by for by in figures.values())]
    rows = [f"{'':<26}{'floor':>10}{'engine':>10}{'ratio':>8}" + "".join(f"{name:>20}" for name in peers)]
    for name, by in figures.items():
        digits = 0 if "per s" in name else 2
        row = f"{name:<26}{by['floor']:>10,.{digits}f}{by['engine']:>10,.{digits}f}"
        row += f"{by['engine'] / by['floor']:>8.2f}"
        rows.append(row + "".join(f"{by[peer]:>20,.{digits}f}" for peer in peers if peer in by))
        if "bare" in by:
            rows.append(f"{'  bare, no sandbox, ms':<26}{by['bare']:>10,.{digits}f}")
    return "\n".join(
        (*rows, *aims(figures), *(f"{name}: not measured: {why}" for name, why in (missing or {}).items()))
    )


def aims(figures: Figures) -> list[str]:
    """Each aim, and whether it is met; one whose figures are not there says so."""
    p50, many, cold = (
        figures.get(name, {}) for name in ("warm p50, ms", "raw, 8 callers, per s", "cold start, ms")
    )
    others = {name: many[name] for name in PEERS if name in many}
    best = max(others, key=lambda name: others[name], default="")
    return [
        _aim(f"warm p50 at most {AIM_P50_RATIO} × the floor", p50, "engine", "floor", most=AIM_P50_RATIO),
        _aim(
            f"8 callers at least {AIM_PEER_RATIO} × the best peer ({best or 'none was measured'})",
            many, "engine", best, least=AIM_PEER_RATIO,
        ),
        _aim(
            f"cold start, every protection on, at most {AIM_COLD_RATIO} × bare",
            cold, "engine", "bare", most=AIM_COLD_RATIO,
        ),
    ]  # fmt: skip


def _aim(
    what: str, by: Mapping[str, float], one: str, other: str, *, most: float = math.inf, least: float = 0.0
) -> str:
    if one not in by or other not in by:
        return f"aim: {what}: not measured"
    ratio = by[one] / by[other]
    return f"aim: {what}: {'met' if least <= ratio <= most else 'missed'} ({ratio:.2f})"


def _peers(text: str) -> list[str]:
    names = [] if text == "none" else text.split(",")
    if unknown := set(names) - set(PEERS):
        raise argparse.ArgumentTypeError(
            f"no such peer: {', '.join(sorted(unknown))} (there are {', '.join(PEERS)})"
        )
    return names


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = bench_parser("engine", __doc__, quick=True)
    add_workers(parser)
    parser.add_argument(
        "--peers", type=_peers, default=list(PEERS), metavar="NAMES",
        help=f"what else is measured, fetched once into the cache: {', '.join(PEERS)} (default: all), or none",
    )  # fmt: skip
    arguments = parser.parse_args(argv)
    store = store_of(arguments)
    rounds, seconds, colds = (1, 0.5, 3) if arguments.quick else (5, 2.0, 20)
    figures, missing = measure(
        arguments.python, store, arguments.peers, rounds=rounds, seconds=seconds, colds=colds
    )
    if arguments.json:
        answer = {"python": arguments.python, "figures": figures, "aims": aims(figures), "peers_missing": missing}
        print(json.dumps(answer))
        return 0
    text = table(figures, missing)
    print(text)
    if arguments.write:
        write(
            text, f"engine {arguments.python}", arguments.python, f"./dev bench engine --python {arguments.python}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
