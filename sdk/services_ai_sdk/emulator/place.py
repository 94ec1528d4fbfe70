"""Put finished folders into the store in one step, safe against a second process that does the same."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services_ai_sdk.emulator.archive import remove_tree


@contextmanager
def place(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes it at the end; on an error it is removed.

    Whoever renames first wins; the other's folder, which holds the same, is dropped.
    """
    _make_passable(target.parent)
    folder = target.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        yield folder
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        remove_tree(folder)


def _make_passable(folder: Path) -> None:
    """Makes a folder and those above it, for other users to pass whatever the umask is."""
    if not folder.is_dir():
        _make_passable(folder.parent)
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)


def sweep(parent: Path) -> None:
    """Remove what a process that is gone left unfinished."""
    for folder in parent.glob(".*.partial"):
        pid = folder.name[1:].partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            remove_tree(folder)
