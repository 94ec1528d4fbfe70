"""Find a Python that runs, and keep a copy of it that an unprivileged process can reach.

A copy, because a Python below a private home cannot be bound for another user, and because the host's
site-packages and `.pth` files must not leak into functions.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services_ai_sdk.emulator.archive import remove_tree
from services_ai_sdk.emulator.errors import EmulatorError, InterpreterMissingError
from services_ai_sdk.emulator.place import place

Progress = Callable[[str], None]

_RUNTIME = re.compile(r"python(3\.\d{1,2})\Z")
_PROBE_TIMEOUT_S = 20
_LEFT_OUT = frozenset(
    {"site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo", "ensurepip", "sitecustomize.py"}
)
_PROBE = """
import json, socket, select, zlib, ssl, hashlib, http.client, sys, sysconfig, os
v = sysconfig.get_config_vars()
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3], "implementation": sys.implementation.name,
    "binary": os.path.realpath(sys.executable), "base": os.path.realpath(sys.base_prefix),
    "stdlib": os.path.realpath(sysconfig.get_path("stdlib",
        vars=dict.fromkeys(("base", "installed_base"), sys.base_prefix))),
    "dynload": v.get("DESTSHARED") or "", "libdir": v.get("LIBDIR") or "",
    "library": (v.get("INSTSONAME") or "") if v.get("Py_ENABLE_SHARED") else "",
    "soabi": v.get("SOABI") or "",
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A CPython that ran here.

    Args:
        minor: `3.11`.
        version: `3.11.7`.
        binary: Its real executable.
        facts: What it said of itself (folders, libraries).
    """

    minor: str
    version: str
    binary: Path
    facts: Mapping[str, str]


def python_of(runtime: str) -> str:
    """`3.11` for the runtime `python3.11`.

    Raises:
        EmulatorError: Not a Python runtime.
    """
    match = _RUNTIME.match(runtime)
    if match is None:
        raise EmulatorError(f"runtime {runtime!r} is not one the emulator runs", hint="it runs python3.X")
    return match.group(1)


def find_interpreter(minor: str, environ: Mapping[str, str] | None = None) -> Interpreter:
    """The first CPython of this version that really runs.

    Looks at SERVICES_AI_PYTHONS, the running interpreter, PATH, pyenv, uv and the usual folders, in this order.

    Args:
        minor: `3.11`.
        environ: Instead of the process's environment.

    Raises:
        InterpreterMissingError: None does.
    """
    seen: set[str] = set()
    for candidate in _candidates(minor, os.environ if environ is None else environ):
        real = os.path.realpath(candidate)
        if real in seen or not os.access(candidate, os.X_OK) or not candidate.is_file():
            continue
        seen.add(real)
        found = _probe(candidate, minor)
        if found is not None:
            return found
    raise InterpreterMissingError(minor)


def _candidates(minor: str, environ: Mapping[str, str]) -> Iterator[Path]:
    name = f"python{minor}"
    for entry in environ.get("SERVICES_AI_PYTHONS", "").split(":"):
        if entry:
            path = Path(entry).expanduser()
            yield from (path / "bin" / name, path / name) if path.is_dir() else (path,)
    if f"{sys.version_info.major}.{sys.version_info.minor}" == minor:
        yield Path(getattr(sys, "_base_executable", sys.executable))
    for folder in environ.get("PATH", "").split(":"):
        if folder:
            yield Path(folder) / name
    home = Path(environ.get("HOME") or Path.home())
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv")
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local" / "share" / "uv" / "python")
    for root, pattern in ((pyenv / "versions", f"{minor}.*"), (uv, f"cpython-{minor}.*")):
        yield from (path / "bin" / name for path in sorted(root.glob(pattern), key=_patch_number, reverse=True))
    for folder in ("/usr/bin", "/usr/local/bin", "/opt/python/bin"):
        yield Path(folder) / name


def _patch_number(path: Path) -> int:
    match = re.search(r"3\.\d+\.(\d+)", path.name)
    return int(match.group(1)) if match else -1


def _probe(binary: Path, minor: str) -> Interpreter | None:
    # A shim on PATH may exist and not run; -I -S keeps the host's .pth files out of the answer.
    try:
        done = subprocess.run(
            [str(binary), "-I", "-S", "-c", _PROBE],
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        facts = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    if not isinstance(facts, dict) or facts.get("implementation") != "cpython":
        return None
    version = str(facts["version"])
    if version.rpartition(".")[0] != minor:
        return None
    return Interpreter(minor, version, Path(facts["binary"]), facts)


def install_interpreter(found: Interpreter, store: Path, progress: Progress) -> Path:
    """Copy binary and standard library into the store; returns the prefix to bind at /var/lang.

    The copy has no site-packages. Its byte code is compiled, so that no start has to.

    Raises:
        EmulatorError: The copy does not run (libraries in unusual places).
    """
    stat = found.binary.stat()
    seed = f"{found.binary}\n{stat.st_size}\n{stat.st_mtime_ns}\n{found.facts['stdlib']}\nlayout 1"
    digest = hashlib.sha256(seed.encode()).hexdigest()[:12]
    target = store / "python" / f"{found.version}-{digest}"
    if target.is_dir():
        return target
    progress(f"copying Python {found.version} into the store (once)")
    with place(target) as folder:
        _copy(found, folder)
        _compile(found, folder)
        _check(found, folder)
    return target


def _copy(found: Interpreter, folder: Path) -> None:
    facts = found.facts
    stdlib, base = Path(facts["stdlib"]), Path(facts["base"])
    relative = stdlib.relative_to(base) if stdlib.is_relative_to(base) else Path("lib") / f"python{found.minor}"

    def left_out(where: str, names: list[str]) -> set[str]:
        top = Path(where) == stdlib
        return {
            name
            for name in names
            if (top and (name in _LEFT_OUT or name.startswith("config-"))) or name == "tests"
        }

    shutil.copytree(stdlib, folder / relative, ignore=left_out, ignore_dangling_symlinks=True)
    dynload = Path(facts["dynload"]) if facts["dynload"] else None
    if dynload is not None and dynload.is_dir() and not dynload.is_relative_to(stdlib):
        shutil.copytree(dynload, folder / relative / "lib-dynload", dirs_exist_ok=True)
    (folder / "bin").mkdir()
    shutil.copy2(found.binary, folder / "bin" / f"python{found.minor}")
    for alias in ("python3", "python"):
        (folder / "bin" / alias).symlink_to(f"python{found.minor}")
    library = Path(facts["libdir"]) / facts["library"] if facts["library"] else None
    if library is not None and library.is_file():
        (folder / "lib").mkdir(exist_ok=True)
        shutil.copy2(library, folder / "lib" / library.name)
    open_up(folder)


def open_up(folder: Path) -> None:
    """Make a tree readable, and its programs and folders passable, for every user; links stay as they are."""
    for where, _folders, files in os.walk(folder):
        Path(where).chmod(0o755)
        for name in files:
            path = Path(where) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)


def python_environment(prefix: Path) -> dict[str, str]:
    """The environment in which a copied interpreter finds its own shared library."""
    return {"LD_LIBRARY_PATH": str(prefix / "lib"), "PATH": "/usr/bin:/bin"}


def _compile(found: Interpreter, folder: Path) -> None:
    subprocess.run(
        [folder / "bin" / f"python{found.minor}", "-I", "-S", "-m", "compileall", "-q", "-j", "0", folder / "lib"],
        capture_output=True,
        env=python_environment(folder),
        timeout=300,
        check=False,  # a few files of a standard library are not meant to compile
    )
    open_up(folder)


def _check(found: Interpreter, folder: Path) -> None:
    code = (
        "import sys, ssl, hashlib, http.client, zlib, ctypes, socket; assert sys.prefix == sys.argv[1], sys.prefix"
    )
    binary = folder / "bin" / f"python{found.minor}"
    done = subprocess.run(
        [binary, "-I", "-S", "-c", code, str(folder)],
        capture_output=True,
        env=python_environment(folder),
        timeout=_PROBE_TIMEOUT_S,
        check=False,
        text=True,
    )
    if done.returncode != 0:
        remove_tree(folder)
        raise EmulatorError(
            f"a copy of {found.binary} does not run: {done.stderr.strip()[-500:]}",
            hint=f"install another one (uv python install {found.minor}) and name it in SERVICES_AI_PYTHONS",
        )
