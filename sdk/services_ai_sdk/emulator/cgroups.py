"""Memory limits by control group, where this machine lets us make one (version 1 or 2)."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from services_ai_sdk.emulator.errors import EmulatorError

CGROUPS = Path("/sys/fs/cgroup")
_PREFIX = "services-ai"
_ATTACHED_AT_ONCE = 4


class MemoryGroup:
    """One worker's group.

    Args:
        folder: The group's folder.
        version: 1 or 2.
        threads: Where it waits for the kernel.
    """

    def __init__(self, folder: Path, version: int, threads: Executor) -> None:
        self._folder = folder
        self._version = version
        self._threads = threads

    async def attach(self, pid: int) -> None:
        """Puts a process into the group, which takes 10 to 20 ms.

        Raises:
            OSError: The process is gone.
        """
        procs = self._folder / "cgroup.procs"
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, procs.write_text, str(pid))
        except RuntimeError as error:
            raise ProcessLookupError("the engine has ended, and its workers with it") from error

    def ran_out(self) -> bool:
        """Whether the kernel killed something in the group for its memory."""
        name = "memory.oom_control" if self._version == 1 else "memory.events"
        try:
            match = re.search(r"^oom_kill (\d+)", (self._folder / name).read_text(), re.MULTILINE)
        except OSError:
            return False
        return match is not None and int(match[1]) > 0

    def remove(self) -> bool:
        """Removes the group; False while processes in it are still dying."""
        return _remove(self._folder)


class MemoryGroups:
    """Makes groups, if it can.

    Args:
        root: Where the kernel's control groups are mounted.

    Attributes:
        version: 1, 2, or 0 where there is no writable memory controller.
    """

    def __init__(self, root: Path = CGROUPS) -> None:
        self._root, self.version = _writable_root(root)
        self._dying: list[MemoryGroup] = []
        # Of their own, so that a start does not queue behind another function's unzip.
        self._threads = ThreadPoolExecutor(_ATTACHED_AT_ONCE, thread_name_prefix="memory-group")
        if self._root is not None:
            _sweep(self._root)

    def make(self, memory_mb: int) -> MemoryGroup | None:
        """A group with this limit, swap included; None where there are none.

        Raises:
            EmulatorError: The kernel refuses it.
        """
        self.sweep()
        if self._root is None:
            return None
        folder = self._root / _name()
        try:
            folder.mkdir()
            self._limit(folder, memory_mb)
        except OSError as error:
            _remove(folder)
            raise EmulatorError(f"a memory group of {memory_mb} MB cannot be made: {error}") from error
        return MemoryGroup(folder, self.version, self._threads)

    def _limit(self, folder: Path, memory_mb: int) -> None:
        limit = str(memory_mb * 1024 * 1024)
        if self.version == 1:
            (folder / "memory.limit_in_bytes").write_text(limit)
            _write_if_there(folder / "memory.memsw.limit_in_bytes", limit)
        else:
            (folder / "memory.max").write_text(limit)
            _write_if_there(folder / "memory.swap.max", "0")
            _write_if_there(folder / "memory.oom.group", "1")

    def drop(self, group: MemoryGroup) -> None:
        """Removes a group now or, while its processes die, with one of the next calls."""
        self._dying.append(group)
        self.sweep()

    def close(self) -> None:
        """No process is put into a group any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def sweep(self) -> bool:
        """Removes what was dropped; False while something of it is still dying."""
        self._dying = [each for each in self._dying if not each.remove()]
        return not self._dying


def _writable_root(root: Path) -> tuple[Path | None, int]:
    for folder, version, limit in ((root / "memory", 1, "memory.limit_in_bytes"), (root, 2, "memory.max")):
        probe = folder / _name()
        try:
            probe.mkdir()
        except OSError:
            continue
        try:
            (probe / limit).write_text(str(64 * 1024 * 1024))
        except OSError:
            continue
        else:
            return folder, version
        finally:
            probe.rmdir()
    return None, 0


def _name() -> str:
    # By chance, because one process may hold several engines; its own id tells whose is left over.
    return f"{_PREFIX}-{os.getpid()}-{secrets.token_hex(6)}"


def _write_if_there(path: Path, text: str) -> None:
    # Swap accounting and group kills are not in every kernel; the memory limit itself is set by the caller.
    if path.exists():
        path.write_text(text)


def _remove(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _sweep(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}-*"):
        match = re.fullmatch(rf"{_PREFIX}-(\d+)-[0-9a-f]+", folder.name)
        if match and not Path(f"/proc/{match[1]}").exists():
            _remove(folder)
