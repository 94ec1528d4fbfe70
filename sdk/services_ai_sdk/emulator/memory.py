"""How much memory a process has."""

from __future__ import annotations

import math
from pathlib import Path


def memory_mb_of(pid: int, field: bytes) -> int:
    """MiB of one line of /proc/PID/status; 0 once the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    _, found, rest = status.partition(field)
    return math.ceil(int(rest.split(maxsplit=1)[0]) / 1024) if found else 0


def tree_memory_mb(pid: int, enough_mb: int) -> int:
    """MiB that a process and everything below it have for themselves: neither files nor /tmp.

    Args:
        pid: The uppermost.
        enough_mb: Up to here a rough figure will do, which counts pages that a fork shares once for each process.
    """
    pids = _tree(pid)
    rough_mb = sum(memory_mb_of(each, b"RssAnon:") + memory_mb_of(each, b"RssShmem:") for each in pids)
    if rough_mb <= enough_mb or len(pids) == 1:
        return rough_mb
    return sum(_own_kb(each) for each in pids) // 1024


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        # Each thread has children of its own.
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, children.read_bytes().split())
            except OSError:
                continue
    return found


def _own_kb(pid: int) -> int:
    """Its share of what it has in common with others; all of it where that cannot be read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines()
    except OSError:
        return 1024 * (memory_mb_of(pid, b"RssAnon:") + memory_mb_of(pid, b"RssShmem:"))
    return sum(int(line.split()[1]) for line in lines if line.startswith((b"Pss_Anon:", b"Pss_Shmem:")))
