"""A plugin's folder or zip, as the list of files that belong in its package."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.bundler.names import NameSet, problem_with
from services_ai_sdk.manifest.load import FILE_NAME
from services_ai_sdk.manifest.plugin_files import FILES_MAX, is_left_out
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.limits import UNZIPPED_MAX_BYTES


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a plugin.

    Attributes:
        name: Its path in the package.
        path: Where its content is.
    """

    name: str
    path: Path
    executable: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SourceTree:
    """A plugin, open for reading.

    Attributes:
        root: The folder that has manifest.json.
        files: Sorted by name; what was left out is not in it.
    """

    root: Path
    files: tuple[SourceFile, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)


@contextmanager
def open_source(source: Path, *, leave_out: Path | None = None) -> Iterator[SourceTree]:
    """Opens a plugin's folder, or its zip unpacked into a temporary folder that is gone afterwards.

    Args:
        source: Folder or zip; the plugin may be in a wrapping folder inside.
        leave_out: A folder that is no part of the plugin though it lies in it: where packages are written.

    Raises:
        InvalidInputError: `source-missing`, `manifest-missing`, or a file that cannot be packaged.
    """
    if source.is_dir():
        yield _tree(_root(source, source), leave_out)
        return
    if not source.is_file():
        reason = "is neither a folder nor a file" if source.exists() else "does not exist"
        raise InvalidInputError(f"{source} {reason}", code="source-missing", hint="name a plugin's folder or zip")
    holder = Path(tempfile.mkdtemp(prefix="services-ai-source-"))
    try:
        unpacked = holder / "plugin"
        with Archive(source) as archive:
            archive.extract(unpacked)
        yield _tree(_root(unpacked, source), leave_out)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _root(folder: Path, shown: Path) -> Path:
    """The folder with manifest.json: this one, or the only one in it that has one."""
    if (folder / FILE_NAME).exists():
        return folder
    try:
        inside = sorted(path for path in folder.iterdir() if not is_left_out(path.name, top=False))
    except OSError as error:
        raise InvalidInputError(f"{shown} cannot be read: {error.strerror}", code="source-unreadable") from error
    wrapped = [path for path in inside if path.is_dir() and (path / FILE_NAME).exists()]
    if len(wrapped) == 1:
        return wrapped[0]
    if wrapped:
        names = ", ".join(path.name for path in wrapped[:5])
        raise InvalidInputError(
            f"{shown} has several plugins: {names}", code="source-ambiguous", hint="name the folder of one of them"
        )
    there = ", ".join(path.name for path in inside[:8]) or "nothing"
    raise InvalidInputError(
        f"{shown} has no {FILE_NAME}; there is: {there}",
        code="manifest-missing",
        hint="services-ai-plugin create NAME makes a plugin with one",
    )


def _tree(root: Path, leave_out: Path | None) -> SourceTree:
    real_root = root.resolve()
    skipped = leave_out.resolve() if leave_out is not None else None
    files: list[SourceFile] = []
    names = NameSet()
    size_bytes = 0
    for path in _walk(real_root, real_root, skipped if skipped != real_root else None):
        file = _file(path, real_root)
        if problem := problem_with(file.name) or names.add(file.name, folder=False):
            raise _refused(file.name, f"cannot be packaged: {problem[1]}", f"source-{problem[0]}")
        files.append(file)
        size_bytes += file.size_bytes
        if len(files) > FILES_MAX or size_bytes > UNZIPPED_MAX_BYTES:
            raise InvalidInputError(
                f"{root.name} has more than {FILES_MAX} files or {UNZIPPED_MAX_BYTES / 1e6:.0f} MB",
                code="source-too-large",
                hint="keep data that the plugin does not need outside its folder",
            )
    return SourceTree(real_root, tuple(sorted(files, key=lambda file: file.name.encode())))


def _walk(folder: Path, root: Path, skipped: Path | None) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise _refused(_shown(folder, root), f"cannot be read: {error.strerror}", "source-unreadable") from error
    for entry in entries:
        path = Path(entry.path)
        if path == skipped or is_left_out(entry.name, top=folder == root):
            continue
        if entry.is_symlink() and path.is_dir():
            raise _refused(
                _shown(path, root), "is a link to a folder", "source-link", "put the folder itself there"
            )
        if entry.is_dir(follow_symlinks=False):
            if not (path / "pyvenv.cfg").exists():
                yield from _walk(path, root, skipped)
        else:
            yield path


def _file(path: Path, root: Path) -> SourceFile:
    name = _shown(path, root)
    try:
        real = path.resolve(strict=True)
        info = real.stat()
        readable = os.access(real, os.R_OK)
    except (OSError, RuntimeError) as error:
        raise _refused(name, "is a link that leads nowhere", "source-link", "delete it") from error
    if not real.is_relative_to(root):
        raise _refused(name, "is a link to a file outside the plugin", "source-link", "put a copy there")
    if not stat.S_ISREG(info.st_mode):
        raise _refused(name, "is no regular file", "source-special", "delete it")
    if not readable:
        raise _refused(name, "may not be read", "source-unreadable")
    return SourceFile(name, real, bool(info.st_mode & 0o100), info.st_size)


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path != root else "."


def _refused(name: str, reason: str, code: str, hint: str = "") -> InvalidInputError:
    shown = name.encode("utf-8", "backslashreplace").decode()
    return InvalidInputError(f"{shown!r} {reason}", code=code, hint=hint, details={"entry": shown})
