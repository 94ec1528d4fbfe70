"""Ends what an engine that was killed left behind: a bubblewrap whose parent died before it could say what next.

Such a process waits for ever. Every sandbox bears a mark on its command line, which its first processes share: it
names the store and the engine's process. Only a process with a mark of this store, whose engine is gone and whose
user is one that engines start workers as, is ended; a name alone proves nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Collection
from pathlib import Path

_PROC = Path("/proc")


def mark_of(store: Path, pid: int) -> str:
    """The mark of the sandboxes of the engine that runs in process `pid` with this store.

    Raises:
        OSError: There is no such process.
    """
    # Pids are told apart by their namespace and by when the process began. The store's path stays unknown inside.
    return f"{_digest(store)}.{_namespace()}.{pid}.{_began(pid)}"


def end_orphans(store: Path, uids: Collection[int]) -> list[int]:
    """Ends what engines that are gone left; returns the processes.

    Args:
        store: Of this engine, and of those that are gone.
        uids: Users whose processes may be ended.
    """
    ended = []
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and _is_orphan(folder, store, uids):
            pid = int(folder.name)
            try:
                fd = os.pidfd_open(pid)
            except OSError:
                continue
            try:
                # Once more, now that the number can mean no other process.
                if _is_orphan(folder, store, uids):
                    signal.pidfd_send_signal(fd, signal.SIGKILL)
                    ended.append(pid)
            except ProcessLookupError:
                continue
            finally:
                os.close(fd)
    return ended


def _is_orphan(folder: Path, store: Path, uids: Collection[int]) -> bool:
    try:
        if _owner(folder) not in uids:
            return False
        arguments = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return False
    if len(arguments) < 2 or not arguments[-1].startswith(b"{") or b'"mark"' not in arguments[-1]:
        return False
    try:
        mark: str = json.loads(arguments[-1])["mark"]
        digest, namespace, pid, began = mark.split(".")
        if (digest, namespace) != (_digest(store), _namespace()):
            return False
        return _began(int(pid)) != began
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    except OSError:
        return True


def _owner(folder: Path) -> int:
    """The real user: the folder itself belongs to root where a process may not be looked into."""
    for line in (folder / "status").read_text().splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[1])
    return -1


def _digest(store: Path) -> str:
    return hashlib.sha256(os.fsencode(store.resolve())).hexdigest()[:16]


def _namespace() -> str:
    return Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")


def _began(pid: int) -> str:
    """When a process began, in ticks since the machine did; a zombie is gone."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    if fields[0] in "ZX":
        raise ProcessLookupError(pid)
    return fields[19]
