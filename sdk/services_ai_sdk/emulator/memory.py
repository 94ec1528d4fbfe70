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
