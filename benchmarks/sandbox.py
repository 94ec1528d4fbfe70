"""What each layer of the sandbox costs: a cold start and a warm call without it, one layer off at a time.

A worker with all layers and one without each are started in turn, and called in turn, some calls at a time: what
else the machine does hits all alike. Ratios are those of medians: all layers to all but that one.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from benchmarks.arguments import add_workers, bench_parser, store_of
from benchmarks.document import write
from benchmarks.engine_parts.function import PAYLOAD, OneFunction
from benchmarks.engine_parts.layered import ALL, BARE, Layered

AIM_WARM_RATIO = 1.05
BLOCK = 25
Figures = dict[str, dict[str, float]]


async def measure(python: str, store: Path, *, rounds: int, blocks: int) -> Figures:
    """By layer that is off: `cold_ms` and `warm_ms`, medians."""
    with TemporaryDirectory(prefix="services-ai-bench-") as folder:
        layered = Layered(OneFunction(Path(folder), python), store)
        layers = layered.layers()
        cold: dict[str, list[float]] = {name: [] for name in layers}
        warm: dict[str, list[float]] = {name: [] for name in layers}
        layered.end(await layered.start(ALL))  # unpacks and compiles
        for number in range(rounds):
            # Another first one each round, so that none is always behind the same.
            order = layers[number % len(layers) :] + layers[: number % len(layers)]
            workers = {}
            for name in order:
                started_s = time.perf_counter()
                workers[name] = await layered.start(name)
                await workers[name].call(b"{}")
                cold[name].append((time.perf_counter() - started_s) * 1000)
            for block in range(blocks + 1):
                for name in order:
                    taken_ms = [await workers[name].call(PAYLOAD) for _ in range(BLOCK)]
                    if block:  # the first one warms up
                        warm[name] += taken_ms
            for worker in workers.values():
                layered.end(worker)
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
        layered.close()
    return {
        name: {"cold_ms": statistics.median(cold[name]), "warm_ms": statistics.median(warm[name])}
        for name in layers
    }


def table(figures: Figures) -> str:
    """For people."""
    whole = figures[ALL]
    rows = [f"{'without':<36}{'cold, ms':>10}{'ratio':>8}{'warm p50, ms':>14}{'ratio':>8}"]
    for name, one in figures.items():
        row = f"{'– (all layers on)' if name == ALL else name:<36}{one['cold_ms']:>10.1f}"
        row += f"{whole['cold_ms'] / one['cold_ms']:>8.2f}{one['warm_ms']:>14.3f}"
        rows.append(f"{row}{whole['warm_ms'] / one['warm_ms']:>8.2f}")
    return "\n".join([*rows, aim(figures)])


def aim(figures: Figures) -> str:
    """Whether it is met."""
    ratio = figures[ALL]["warm_ms"] / figures[BARE]["warm_ms"]
    met = "met" if ratio <= AIM_WARM_RATIO else "missed"
    return f"aim: a warm call with every layer at most {AIM_WARM_RATIO} × bare: {met} ({ratio:.2f})"


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = bench_parser("sandbox", __doc__, quick=True)
    add_workers(parser)
    arguments = parser.parse_args(argv)
    store = store_of(arguments)
    rounds, blocks = (1, 1) if arguments.quick else (24, 20)
    figures = uvloop.run(measure(arguments.python, store, rounds=rounds, blocks=blocks))
    if arguments.json:
        print(json.dumps({"python": arguments.python, "figures": figures, "aim": aim(figures)}))
        return 0
    text = table(figures)
    print(text)
    if arguments.write:
        write(text, "sandbox", arguments.python, f"./dev bench sandbox --python {arguments.python}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
