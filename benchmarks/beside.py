"""Invokes beside slow DynamoDB queries, on the real local cloud: what moto's work does to a call's p99.

One call every 2 ms to a trivial function, with moto idle and with four loops of queries, which take moto 25 to
30 ms each; rounds interleaved, medians compared.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.arguments import bench_parser
from benchmarks.document import write
from benchmarks.engine_parts import load
from benchmarks.engine_parts.cloud import PYTHON, deploy, own_cloud
from benchmarks.engine_parts.function import CODE
from benchmarks.engine_parts.peers import FUNCTION

AIM_P99_RATIO = 3.0
PACE_S = 0.002
ITEMS = 1_000
LOOPS = 4
TABLE = "beside"
QUERY = {
    "TableName": TABLE,
    "KeyConditionExpression": "pk = :pk",
    "FilterExpression": "n = :n",
    "ExpressionAttributeValues": {":pk": {"S": "all"}, ":n": {"N": "-1"}},
}


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = bench_parser("beside", __doc__, quick=True)
    arguments = parser.parse_args(argv)
    rounds, seconds, items = (1, 1.0, 500) if arguments.quick else (5, 5.0, ITEMS)
    figures = measure(rounds, seconds, items)
    if arguments.json:
        print(json.dumps({"python": PYTHON, "aim_p99_ratio": AIM_P99_RATIO, "figures": figures}))
        return 0
    text = table(figures)
    print(text)
    if arguments.write:
        write(text, "beside", PYTHON, "./dev bench beside")
    return 0


def measure(rounds: int, seconds: float, items: int) -> dict[str, float]:
    """Medians in ms by name."""
    seen: dict[str, list[float]] = {}
    with own_cloud() as (cloud, client):
        port = cloud.port
        deploy(client, FUNCTION, CODE, Timeout=10)
        seen["one query, ms"] = _fill(client("dynamodb"), items)
        for number in range(rounds):
            for name, loops in (("idle", 0), ("beside", LOOPS)):
                with _queries(port, loops):
                    one = load.raw(port, 1, seconds, PACE_S)
                for figure in ("p50", "p99"):
                    seen.setdefault(f"{name} {figure}, ms", []).append(one[f"{figure}_ms"])
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return {name: statistics.median(values) for name, values in seen.items()}


def table(figures: dict[str, float]) -> str:
    """For people."""
    rows = [f"{'':<26}{'moto idle':>12}{'beside':>10}{'ratio':>8}"]
    for figure in ("p50", "p99"):
        idle, beside = figures[f"idle {figure}, ms"], figures[f"beside {figure}, ms"]
        rows.append(f"{f'warm {figure}, ms':<26}{idle:>12.2f}{beside:>10.2f}{beside / idle:>8.2f}")
    ratio = figures["beside p99, ms"] / figures["idle p99, ms"]
    rows.append(f"{'one query, moto idle, ms':<26}{figures['one query, ms']:>12.2f}")
    met = "met" if ratio <= AIM_P99_RATIO else "missed"
    aim = f"aim: p99 beside {LOOPS} loops of queries at most {AIM_P99_RATIO} × that with moto idle"
    rows.append(f"{aim}: {met} ({ratio:.2f})")
    return "\n".join(rows)


def _fill(dynamodb: Any, items: int) -> list[float]:
    """Makes the table; returns what a query takes (ms), a few times."""
    dynamodb.create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )  # fmt: skip
    for start in range(0, items, 25):
        puts = [
            {"PutRequest": {"Item": {"pk": {"S": "all"}, "sk": {"S": f"{n:06}"}, "n": {"N": str(n)}}}}
            for n in range(start, start + 25)
        ]
        dynamodb.batch_write_item(RequestItems={TABLE: puts})
    taken_ms = []
    for _ in range(7):
        started = time.perf_counter()
        dynamodb.query(**QUERY)
        taken_ms.append((time.perf_counter() - started) * 1000)
    return taken_ms


@contextmanager
def _queries(port: int, loops: int) -> Iterator[None]:
    """That many loops, each a process: what they cost themselves is little beside moto."""
    command = [sys.executable, "-m", "benchmarks.engine_parts.queries", str(port), json.dumps(QUERY)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(loops)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise SystemExit(f"a loop of queries ended with {process.wait()}")
        yield
        if ended := [process.returncode for process in running if process.poll() is not None]:
            raise SystemExit(f"loops of queries ended before their time: {ended}")
    finally:
        for process in running:
            process.kill()
            process.wait()


if __name__ == "__main__":
    raise SystemExit(main())
