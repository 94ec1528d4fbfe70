"""What a call leaves running in its worker: threads and processes that were not there after the import.

On Lambda they are frozen with the environment and go on in whichever call comes next. Nothing is frozen here: they
would go on beside other functions' calls, and so a worker that has any is replaced.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Running(NamedTuple):
    """How many.

    Attributes:
        threads: Of the worker's process.
        processes: Its children, and those that have lost their parent since.
    """

    threads: int
    processes: int

    def beyond(self, before: Running) -> str:
        """What there is more than there was, in words; nothing where there is no more."""
        threads, processes = self.threads - before.threads, self.processes - before.processes
        parts = []
        if threads > 0:
            parts.append(f"{threads} {'thread' if threads == 1 else 'threads'}")
        if processes > 0:
            parts.append(f"{processes} {'process' if processes == 1 else 'processes'}")
        return " and ".join(parts)


def running(pid: int, outer_pid: int) -> Running:
    """What runs in a worker.

    Args:
        pid: The worker's own process.
        outer_pid: Of bubblewrap, or `pid` again where there is none.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return Running(0, 0)  # gone: nothing of it runs
    threads = int(_field(status, b"Threads:"))
    parent = int(_field(status, b"PPid:"))
    # Whoever loses its parent becomes a child of the sandbox's first process, the worker's own parent.
    adopted = _children(parent) - {pid} if pid != outer_pid else set()
    return Running(threads, sum(_lives(each) for each in adopted | _children(pid)))


def _field(status: bytes, name: bytes) -> bytes:
    return status.partition(b"\n" + name)[2].split(maxsplit=1)[0]


def _children(pid: int) -> set[int]:
    try:
        return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_bytes().split()}
    except OSError:
        return set()


def _lives(pid: int) -> bool:
    """A child that has ended and that nobody has waited for runs no more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split(maxsplit=1)[0] not in (b"Z", b"X")
