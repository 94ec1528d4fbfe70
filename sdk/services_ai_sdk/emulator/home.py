"""Where unpacked code, Pythons and runtimes are kept on this machine, for every program that runs functions."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from services_ai_sdk.emulator.errors import EmulatorError


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """`SERVICES_AI_HOME`, else a folder of this user's below /var/tmp, which survives a restart."""
    override = environ.get("SERVICES_AI_HOME")
    return Path(override) if override else Path(f"/var/tmp/services-ai-{os.getuid()}")  # noqa: S108 - owner is checked


def open_home(path: Path) -> Path:
    """Makes the folder if need be, with its `store/`, and returns the store.

    Functions run as another, unprivileged user: that user has to reach `store/`, and may not list what is here.

    Raises:
        EmulatorError: It belongs to somebody else, others may write there, or a folder above cannot be passed.
    """
    try:
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, f"cannot be made: {error.strerror}") from error
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(path, "is not a directory")
    if found.st_uid != os.getuid():
        raise _unusable(path, "belongs to another user")
    if found.st_mode & 0o022:
        raise _unusable(path, "can be written by others")
    if not found.st_mode & stat.S_IXOTH:
        path.chmod(0o711)
    for parent in path.parents:
        if not parent.stat().st_mode & stat.S_IXOTH:
            raise _unusable(path, f"cannot be reached by functions: {parent} is closed to other users")
    store = path / "store"
    if not store.is_dir():
        store.mkdir(mode=0o711)
        store.chmod(0o711)  # whatever the umask
    return store


def _unusable(path: Path, why: str) -> EmulatorError:
    return EmulatorError(
        f"the state directory {path} {why}", hint="name another in SERVICES_AI_HOME, for example below /var/tmp"
    )
