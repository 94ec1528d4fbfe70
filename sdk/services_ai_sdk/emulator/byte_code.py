"""Byte code of a package, made outside its sandbox and so with as little as that needs.

Compiling runs nothing of the package, but its sources choose what the compiler does: a process of an unprivileged
user, with limits of its own (`inside/compile.py`).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from services_ai_sdk.emulator.bubblewrap import FIRST_UID, UIDS, as_user
from services_ai_sdk.emulator.interpreters import open_up, python_environment
from services_ai_sdk.emulator.runtimes import Runtime

COMPILER_UID = FIRST_UID + UIDS
"""The user that compiles when the engine is root: none that a function runs as."""
_COMPILER = Path(__file__).parent / "inside" / "compile.py"
_TIMEOUT_S = 180


def compile_tree(files: Path, out: Path, runtime: Runtime) -> None:
    """Byte code of `files` into `out`, an empty folder. Where there is none, imports compile as they go.

    Args:
        files: Readable for every user.
        out: Belongs to this process's user, before and after.
        runtime: Whose Python compiles.
    """
    uid = COMPILER_UID if os.geteuid() == 0 else None
    if uid is not None:
        os.chown(out, uid, uid)
    python = runtime.lang / "bin" / f"python{runtime.minor}"
    # The program as text: where it lies, that user may not reach.
    program = _COMPILER.read_text(encoding="utf-8")
    try:
        subprocess.run(
            [python, "-I", "-S", "-c", program, files, out],
            env=python_environment(runtime.lang),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            **as_user(uid),  # type: ignore[call-overload]
        )
    except subprocess.TimeoutExpired:
        pass  # what is done by then counts
    if uid is not None:
        _take_back(out)
    open_up(out)


def _take_back(folder: Path) -> None:
    own = os.geteuid(), os.getegid()
    for where, _folders, names in os.walk(folder):
        os.chown(where, *own, follow_symlinks=False)
        for name in names:
            os.chown(Path(where) / name, *own, follow_symlinks=False)
