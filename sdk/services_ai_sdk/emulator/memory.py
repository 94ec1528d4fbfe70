"""A memory limit for each worker: a cgroup where one can be made, else limits of the process and a watch."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "services-ai"


@dataclass(slots=True)
class MemoryGroup:
    """One worker's memory cgroup, or just its figures where there is none (`folder` is None)."""

    folder: Path | None
    version: int
    limit_bytes: int
    pid: int = 0

    def attach(self, pid: int) -> None:
        """Put a process under the limit. Takes 9 to 20 ms in the kernel: call it in a thread.

        Raises:
            OSError: The kernel refused; the worker must not go on.
        """
        self.pid = pid
        if self.folder is None:
            return
        self.folder.mkdir()
        if self.version == 1:
            _write(self.folder / "memory.limit_in_bytes", self.limit_bytes)
            memsw = self.folder / "memory.memsw.limit_in_bytes"
            if memsw.exists():
                _write(memsw, self.limit_bytes)
        else:
            _write(self.folder / "memory.max", self.limit_bytes)
            swap = self.folder / "memory.swap.max"
            if swap.exists():
                _write(swap, 0)
        _write(self.folder / "cgroup.procs", pid)

    def used_bytes(self) -> int:
        """Resident memory of the worker's first process now."""
        return _status_kb(self.pid, "VmRSS") * 1024

    def peak_bytes(self) -> int:
        """The most it ever used; 0 once it is gone."""
        return _status_kb(self.pid, "VmHWM") * 1024

    def ran_out(self) -> bool:
        """Whether the kernel killed for memory in this group."""
        if self.folder is None:
            return False
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        try:
            text = (self.folder / name).read_text()
        except OSError:
            return False
        match = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
        return match is not None and int(match.group(1)) > 0

    def remove(self) -> bool:
        """Remove the group; False while processes are still dying in it."""
        if self.folder is None:
            return True
        try:
            self.folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


class MemoryGroups:
    """Makes the groups of one engine.

    Args:
        root: Where cgroup file systems are mounted.
        membership: The text of /proc/self/cgroup.
    """

    def __init__(self, root: Path = _ROOT, membership: str | None = None) -> None:
        text = Path("/proc/self/cgroup").read_text() if membership is None else membership
        self._base, self._version = _find_base(root, text)
        self._number = 0
        if self._base is not None:
            _sweep(self._base)

    @property
    def exact(self) -> bool:
        """Whether the kernel itself keeps the limit."""
        return self._base is not None

    def new(self, limit_mb: int) -> MemoryGroup:
        """A group that `attach` makes real."""
        self._number += 1
        folder = None if self._base is None else self._base / f"{_PREFIX}-{os.getpid()}-{self._number}"
        return MemoryGroup(folder, self._version, limit_mb << 20)


def _find_base(root: Path, membership: str) -> tuple[Path | None, int]:
    """The folder below which we may make memory groups: cgroup v1's own, else v2's nearest with the controller on."""
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        own = path.strip("/")
        if "memory" in controllers.split(","):
            for base in (root / "memory" / own, root / "memory"):
                if _works(base, "memory.limit_in_bytes"):
                    return base, 1
        elif not controllers:
            mount = root / "unified" if (root / "unified").is_dir() else root
            folder = mount / own
            for base in (folder, *folder.parents):
                if not base.is_relative_to(mount):
                    break
                control = base / "cgroup.subtree_control"
                if control.is_file() and "memory" in control.read_text().split() and _works(base, "memory.max"):
                    return base, 2
    return None, 0


def _works(base: Path, limit_name: str) -> bool:
    if not base.is_dir() or not os.access(base, os.W_OK):
        return False
    trial = base / f"{_PREFIX}-{os.getpid()}-trial-{time.monotonic_ns()}"
    try:
        trial.mkdir()
    except OSError:
        return False
    try:
        _write(trial / limit_name, 64 << 20)
    except OSError:
        return False
    finally:
        trial.rmdir()
    return True


def _sweep(base: Path) -> None:
    for folder in base.glob(f"{_PREFIX}-*"):
        pid = folder.name.removeprefix(f"{_PREFIX}-").partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            try:
                folder.rmdir()
            except OSError:
                continue  # its processes are still dying: the next start sweeps again


def _write(path: Path, value: int) -> None:
    path.write_text(f"{value}\n")


def _status_kb(pid: int, field: str) -> int:
    if not pid:
        return 0
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    match = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) if match else 0
