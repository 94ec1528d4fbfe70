"""What AWS's managed runtime carries besides Python: the runtime client and boto3, installed once per Python."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from services_ai_sdk.emulator.errors import EmulatorError
from services_ai_sdk.emulator.interpreters import (
    find_interpreter,
    install_interpreter,
    open_up,
    python_of,
)
from services_ai_sdk.emulator.place import place

_LOCK = Path(__file__).with_name("runtime.txt")
_INSTALL_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runnable Lambda runtime in the store.

    Args:
        minor: `3.11`.
        lang: Python's prefix, bound at /var/lang.
        packages: Runtime client and boto3, bound at /var/runtime.
    """

    minor: str
    lang: Path
    packages: Path


def install_runtime(runtime: str, store: Path, progress: Callable[[str], None]) -> Runtime:
    """Make a runtime ready in the store; quick when it is there already. Blocks: call it in a thread.

    Args:
        runtime: `python3.11`.
        store: Root of the store.
        progress: Told, in words, what takes time.

    Raises:
        InterpreterMissingError: No such Python here.
        EmulatorError: Its packages cannot be installed.
    """
    minor = python_of(runtime)
    found = find_interpreter(minor)
    lang = install_interpreter(found, store, progress)
    return Runtime(minor, lang, _install_packages(minor, found.binary, store, progress))


def _install_packages(minor: str, binary: Path, store: Path, progress: Callable[[str], None]) -> Path:
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:12]
    target = store / "runtime" / f"{minor}-{digest}"
    if target.is_dir():
        return target
    import uv

    progress(f"installing the Lambda runtime's packages for Python {minor} (once)")
    with place(target) as folder:
        command: list[str | Path] = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-python-downloads"]
        command += ["--python", binary, "--target", folder, "--require-hashes", "--only-binary", ":all:"]
        command += ["--link-mode", "copy", "--compile-bytecode", "-r", _LOCK]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, cwd=folder.parent, timeout=_INSTALL_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise EmulatorError(
                f"installing the runtime's packages took longer than {_INSTALL_TIMEOUT_S} s",
                hint="check the network",
            ) from error
        if done.returncode != 0:
            raise EmulatorError(
                f"the runtime's packages for Python {minor} could not be installed: {done.stderr.strip()[-1500:]}",
                hint="check the network; uv reads its index from UV_DEFAULT_INDEX",
            )
        open_up(folder)
    return target
