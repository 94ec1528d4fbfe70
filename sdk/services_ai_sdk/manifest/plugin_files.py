"""A plugin's own files, as its package will have them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILES_MAX = 20_000

_LEFT_OUT_FOLDERS = frozenset({"__pycache__", "__MACOSX", "node_modules"})
_LEFT_OUT_AT_THE_TOP = frozenset({"dist", "build", "tests", "test"})
_LEFT_OUT_ENDINGS = (".pyc", ".pyo", ".egg-info", ".layer.zip")


@dataclass(frozen=True, slots=True)
class PluginFile:
    """One file.

    Attributes:
        name: Relative to the plugin's folder, POSIX style.
        size_bytes: As it is on disk.
    """

    name: str
    path: Path
    size_bytes: int


def is_left_out(name: str, *, top: bool) -> bool:
    """Whether packages leave a file or folder out for its name.

    Wherever they are: what begins with a dot (settings, secrets, caches), bytecode, what tools leave. Beside
    manifest.json: what is built, and what checks it. Virtual environments are left out for what is in them.

    Args:
        name: Its last part.
        top: Whether it is beside manifest.json.
    """
    if name.startswith(".") or name in _LEFT_OUT_FOLDERS or name.endswith(_LEFT_OUT_ENDINGS):
        return True
    return top and name in _LEFT_OUT_AT_THE_TOP


def plugin_files(folder: Path) -> tuple[PluginFile, ...]:
    """The files that `package` takes, sorted by name; at most `FILES_MAX`. Never raises.

    `bundler.source` refuses what is only passed over here: links out of the folder, special files, what may not be
    read.
    """
    root = folder.resolve()
    found: list[PluginFile] = []
    for path in _walk(root, top=True):
        try:
            real = path.resolve(strict=True)
            if real.is_file() and real.is_relative_to(root):
                found.append(PluginFile(path.relative_to(root).as_posix(), real, real.stat().st_size))
        except (OSError, RuntimeError):
            continue  # `package` says so
        if len(found) >= FILES_MAX:
            break
    return tuple(sorted(found, key=lambda file: file.name))


def own_modules(files: tuple[PluginFile, ...]) -> frozenset[str]:
    """The names under which a plugin's own code is imported: files and folders beside manifest.json."""
    tops = (file.name.split("/") for file in files if file.name.endswith(".py"))
    return frozenset(parts[0].removesuffix(".py") if len(parts) == 1 else parts[0] for parts in tops)


def _walk(folder: Path, *, top: bool = False) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if is_left_out(entry.name, top=top):
            continue
        path = Path(entry.path)
        if not entry.is_dir(follow_symlinks=False):
            yield path
        elif not (path / "pyvenv.cfg").exists():
            yield from _walk(path)
