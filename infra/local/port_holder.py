"""Who listens on a port."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_LISTEN = "0A"


def port_holder(port: int, proc: Path = Path("/proc")) -> str:
    """`process 123 (python -m http.server)`, or what is known instead.

    Args:
        port: TCP.
        proc: Where the kernel's process files are.
    """
    inodes = _listening_inodes(port, proc)
    if not inodes:
        return "a process outside this network namespace"
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        if any(link == f"socket:[{inode}]" for inode in inodes for link in _open_files(folder)):
            return f"process {folder.name} ({_command(folder)})"
    return "a process of another user"


def _listening_inodes(port: int, proc: Path) -> set[str]:
    inodes: set[str] = set()
    for table in ("net/tcp", "net/tcp6"):
        try:
            lines = (proc / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes


def _open_files(folder: Path) -> list[str]:
    try:
        descriptors = list((folder / "fd").iterdir())
    except OSError:
        return []  # ended meanwhile, or not ours to look at
    found: list[str] = []
    for descriptor in descriptors:
        with suppress(OSError):  # closed meanwhile: at least the one that listed the folder
            found.append(str(descriptor.readlink()))
    return found


def _command(folder: Path) -> str:
    try:
        words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "command unknown"
    return " ".join(word for word in words if word)[:200] or "command unknown"
