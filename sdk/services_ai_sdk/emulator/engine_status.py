"""What the engine shows of itself: functions, workers, memory, errors; plain data for `--json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services_ai_sdk.emulator.pool import Pool
from services_ai_sdk.emulator.tallies import Tallies
from services_ai_sdk.emulator.worker import Phase

_NO_CALLS = {
    "calls": 0,
    "errors": 0,
    "calls_last_minute": 0,
    "errors_last_minute": 0,
    "p50_ms": None,
    "p95_ms": None,
}


def workers(pools: Iterable[Pool]) -> list[dict[str, Any]]:
    """Every worker process, and what it has in memory for itself: neither files nor what it shares."""
    return [
        {
            "pid": worker.pid,
            "function": worker.spec.function_name,
            "version": worker.spec.version,
            "state": str(worker.phase),
            "memory_mb": worker.memory.own_mb(),
        }
        for pool in pools
        for worker in sorted(pool.workers, key=lambda worker: worker.pid)
    ]


def functions(pools: Iterable[Pool], tallies: Tallies) -> list[dict[str, Any]]:
    """Every function that was called or has workers, by name."""
    counts: dict[str, dict[str, int]] = {}
    for pool in pools:
        found = counts.setdefault(
            pool.spec.function_name, {"idle": 0, "busy": 0, "starting": 0, "waiting_calls": 0}
        )
        found["starting"] += pool.starting
        found["waiting_calls"] += pool.looking
        for worker in pool.workers:
            if worker.phase in (Phase.IDLE, Phase.BUSY):
                found[str(worker.phase)] += 1
    tallied = tallies.functions()
    return [
        {
            "function": name,
            **counts.get(name, {"idle": 0, "busy": 0, "starting": 0, "waiting_calls": 0}),
            **tallied.get(name, _NO_CALLS),
            "network_refused": tallies.refused(name),
        }
        for name in sorted({*counts, *tallied})
    ]
