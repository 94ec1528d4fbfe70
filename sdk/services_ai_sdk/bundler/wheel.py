"""Where the files of a wheel go when it is installed.

Nothing of it is run, and no byte is changed but in RECORD, where files have moved or are left out.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name

from services_ai_sdk.bundler.archive import Archive, ArchiveLimits
from services_ai_sdk.bundler.lock import LockedWheel
from services_ai_sdk.bundler.zipformat import Entry
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.limits import UNZIPPED_MAX_BYTES

_METADATA_MAX_BYTES = 2 * 1024 * 1024
_RECORD_MAX_BYTES = 16 * 1024 * 1024
_SCHEMES = {"purelib": "", "platlib": "", "data": "", "scripts": "bin/"}
"""Parts of a wheel's .data folder and where they go below the layer's python/ (packaging.python.org, "Binary
distribution format"). `headers` are for compilers and are left out."""

_INSTALLER_FILES = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})
_LIMITS = ArchiveLimits(unzipped_bytes=UNZIPPED_MAX_BYTES * 2)
"""A wheel may hold more than a layer: the layer's own check says which package is the big one."""


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """One file of a wheel and its path in the installed tree.

    Attributes:
        content: In place of the entry's own; only of a RECORD.
    """

    path: str
    entry: Entry
    content: bytes | None = None

    @property
    def size_bytes(self) -> int:
        """Unzipped."""
        return self.entry.size_bytes if self.content is None else len(self.content)

    @property
    def crc32(self) -> int:
        """Of the content."""
        return self.entry.crc32 if self.content is None else zlib.crc32(self.content)


class Wheel:
    """An open wheel.

    Args:
        path: The file.
        locked: What it must be.

    Raises:
        InvalidInputError: An unsafe archive, or a wheel that is not what its name says.
    """

    def __init__(self, path: Path, locked: LockedWheel) -> None:
        self.locked = locked
        self.archive = Archive(path, what=locked.filename, limits=_LIMITS)
        try:
            self._dist_info = self._find_dist_info()
            self.license, self.requires = self._read_metadata()
            self.files = self._with_true_record(tuple(self._place()))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self.archive.__exit__(None, None, None)

    @property
    def size_bytes(self) -> int:
        """Of the installed files."""
        return sum(file.size_bytes for file in self.files)

    def import_names(self) -> tuple[str, ...]:
        """Top-level names that can be imported from it, read from its files."""
        return import_names_of(file.path for file in self.files)

    def _bad(self, reason: str) -> InvalidInputError:
        return InvalidInputError(f"{self.locked.filename} {reason}", code="wheel-invalid")

    def _find_dist_info(self) -> str:
        found = {
            entry.name.split("/")[0]
            for entry in self.archive.files()
            if entry.name.endswith(".dist-info/METADATA") and entry.name.count("/") == 1
        }
        if len(found) != 1:
            raise self._bad(f"has {len(found)} .dist-info folders with METADATA, and not one")
        return found.pop()

    def _read_metadata(self) -> tuple[str, tuple[str, ...]]:
        entry = self.archive.get(f"{self._dist_info}/METADATA")
        assert entry is not None
        text = self.archive.read(entry, _METADATA_MAX_BYTES).decode("utf-8", "replace")
        headers = HeaderParser().parsestr(text)
        name, version = str(headers.get("Name", "")), str(headers.get("Version", ""))
        if canonicalize_name(name) != self.locked.name:
            raise self._bad(f"says inside that it is {name or 'nothing'} {version}, and not {self.locked.name}")
        requires = tuple(str(line) for line in headers.get_all("Requires-Dist", []))
        return license_of(headers), requires

    def _place(self) -> Iterator[PlacedFile]:
        data_folder = self._dist_info.removesuffix(".dist-info") + ".data"
        names = {entry.name for entry in self.archive.files()}
        for entry in self.archive.files():
            path = self._path(entry.name, data_folder)
            if path is not None and not _is_leftover(path, entry.name, names):
                yield PlacedFile(path, entry)

    def _with_true_record(self, files: tuple[PlacedFile, ...]) -> tuple[PlacedFile, ...]:
        """RECORD as an installer writes it: `importlib.metadata` reads from it which files a package has."""
        name = f"{self._dist_info}/RECORD"
        paths = {file.entry.name: file.path for file in files}
        entry = self.archive.get(name)
        if entry is None or all(paths.get(each.name) == each.name for each in self.archive.files()):
            return files
        text = self.archive.read(entry, _RECORD_MAX_BYTES).decode("utf-8", "replace")
        out = io.StringIO()
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row and row[0] in paths]
        except csv.Error as error:
            raise self._bad(f"has a RECORD that cannot be read: {error}") from error
        csv.writer(out, lineterminator="\n").writerows([paths[row[0]], *row[1:]] for row in rows)
        return tuple(
            replace(file, content=out.getvalue().encode()) if file.entry.name == name else file for file in files
        )

    def _path(self, name: str, data_folder: str) -> str | None:
        parts = name.split("/")
        if parts[0] != data_folder:
            return name
        if len(parts) > 2 and parts[1] in _SCHEMES:
            return _SCHEMES[parts[1]] + "/".join(parts[2:])
        if len(parts) > 2 and parts[1] == "headers":
            return None
        raise self._bad(f"has {name!r}, which belongs to no known part of a .data folder")


def license_of(headers: Message) -> str:
    """What a package's METADATA states as its licence, on one line; empty when it does not."""
    stated = str(headers.get("License-Expression") or headers.get("License") or "").strip()
    return stated.splitlines()[0][:100] if stated else ""


def import_names_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Top-level names that can be imported, given the installed files of a package."""
    names: set[str] = set()
    for path in paths:
        first, slash, rest = path.partition("/")
        if first.endswith((".dist-info", ".data", ".libs")) or first == "bin":
            continue
        if slash:
            if rest.endswith((".py", ".so", ".pyi")) and first.isidentifier():
                names.add(first)
        elif (found := re.fullmatch(r"([^.]+)(\.py|(\.[^.]+)*\.so)", first)) and found[1].isidentifier():
            names.add(found[1])
    return tuple(sorted(names))


def _is_leftover(path: str, name: str, names: set[str]) -> bool:
    """Bytecode that its source makes again, and what an installer leaves; bytecode without source is kept."""
    parts = path.split("/")
    if "__pycache__" in parts:
        return True
    if path.endswith(".pyc") and name[:-1] in names:
        return True
    return len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] in _INSTALLER_FILES
