"""Files of this user alone, replaced whole."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path


def ours(found: os.stat_result, kind: Callable[[int], bool], forbidden_mode: int) -> bool:
    """Whether a file is of this kind (`stat.S_ISREG` …), this user's, and has none of these mode bits."""
    return bool(kind(found.st_mode)) and found.st_uid == os.getuid() and not found.st_mode & forbidden_mode


def name_aside(path: Path) -> Path:
    """A free name beside a file, with the time in it."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (path.with_name(f"{path.name}.aside-{stamp}{f'-{n}' if n else ''}") for n in count())
    return next(name for name in names if not os.path.lexists(name))


def write_file(temporary: Path, path: Path, content: bytes) -> None:
    """Replaces a file whole; after a crash it is the old one or the new one."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def sync_folder(folder: Path) -> None:
    """Makes names that were given in a folder outlast a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
