"""The one reader of zip files: plugin zips, submitted packages, layers and wheels all come through here."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from services_ai_sdk.bundler.names import NameSet
from services_ai_sdk.bundler.zipformat import DEFLATED, Entry, read_entries, refuse
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.limits import UNZIPPED_MAX_BYTES

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an archive may hold.

    Attributes:
        unzipped_bytes: All entries together.
        entries: Files and folders. Honest wheels reach 15,390.
        ratio: Unzipped to zipped bytes of the whole, looked at from `ratio_from_bytes` on. Honest wheels reach
            10.7 as a whole and 235 in a single entry, so that single entries have no bound of their own.
    """

    unzipped_bytes: int = UNZIPPED_MAX_BYTES
    entries: int = 50_000
    ratio: int = 100
    ratio_from_bytes: int = 8 * 1024 * 1024


DEFAULT_LIMITS = ArchiveLimits()


class Archive:
    """An open zip file whose structure has been checked; contents are checked as they are read.

    Args:
        path: The file; read from, never changed.
        what: Names it in errors: "the package".
        limits: What it may hold.

    Raises:
        InvalidInputError: Not a zip, ambiguous, malformed, unsafe or too large. The code begins with `archive-`,
            `details["entry"]` names the entry.
    """

    def __init__(self, path: Path, *, what: str = "", limits: ArchiveLimits = DEFAULT_LIMITS) -> None:
        self.path = path
        self._what = what or path.name
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise InvalidInputError(
                f"{self._what} cannot be read: {error.strerror or error}", code="archive-unreadable"
            ) from error
        try:
            self.size_bytes = os.fstat(self._file.fileno()).st_size
            self.entries = tuple(read_entries(self._file, self.size_bytes, limits.entries))
            self.unzipped_bytes = sum(entry.size_bytes for entry in self.entries)
            self._check(limits)
        except InvalidInputError as error:
            self._file.close()
            raise self._named(error) from error
        except BaseException:
            self._file.close()
            raise
        self._by_name = {entry.name: entry for entry in self.entries}

    def _check(self, limits: ArchiveLimits) -> None:
        names = NameSet()
        for entry in self.entries:
            if problem := names.add(entry.name, folder=entry.folder):
                refuse(problem[0], problem[1], entry=entry.name)
        if self.unzipped_bytes > limits.unzipped_bytes:
            refuse("too-large", f"it unpacks to {self.unzipped_bytes:,} bytes of {limits.unzipped_bytes:,}")
        if self.unzipped_bytes > max(limits.ratio_from_bytes, limits.ratio * self.size_bytes):
            refuse("bomb", f"it unpacks to more than {limits.ratio} times its size")

    def _named(self, error: InvalidInputError) -> InvalidInputError:
        return InvalidInputError(
            f"{self._what}: {error.message}",
            code=error.code,
            hint=error.hint or "make the zip anew from the plain folder, with no links and no tricks in it",
            details=error.details,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def files(self) -> Iterator[Entry]:
        """Entries that are no folders."""
        return (entry for entry in self.entries if not entry.folder)

    def get(self, name: str) -> Entry | None:
        """The entry of that exact name."""
        return self._by_name.get(name)

    def read(self, entry: Entry, max_bytes: int) -> bytes:
        """A small file whole.

        Raises:
            InvalidInputError: Larger than `max_bytes`, or broken.
        """
        if entry.size_bytes > max_bytes:
            raise self._named(
                _error("too-large", f"has {entry.size_bytes:,} bytes; {max_bytes:,} are read", entry)
            )
        return b"".join(self.chunks(entry))

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """A file's content in pieces of bounded size; the last one is given out before the checksum is known.

        Raises:
            InvalidInputError: The data is broken: its size or CRC is another than promised.
        """
        crc32 = size = 0
        try:
            for chunk in self._inflate(entry) if entry.method == DEFLATED else self._raw(entry):
                crc32 = zlib.crc32(chunk, crc32)
                size += len(chunk)
                if size > entry.size_bytes:
                    refuse("header-mismatch", "it unpacks to more than its header says", entry=entry.name)
                yield chunk
            if size != entry.size_bytes:
                refuse("header-mismatch", "it unpacks to less than its header says", entry=entry.name)
            if crc32 != entry.crc32:
                refuse("checksum", "its checksum (CRC) is wrong: the archive is damaged", entry=entry.name)
        except zlib.error:
            raise self._named(_error("damaged", "its compressed data is damaged", entry)) from None
        except InvalidInputError as error:
            raise self._named(error) from error

    def raw_chunks(self, entry: Entry) -> Iterator[bytes]:
        """A file's bytes as they are stored, compressed or not; unchecked: run `verify` before."""
        return self._raw(entry)

    def verify(self) -> None:
        """Reads everything once.

        Raises:
            InvalidInputError: As `chunks`.
        """
        for entry in self.files():
            for _ in self.chunks(entry):
                pass

    def extract(self, target: Path) -> None:
        """Unpacks into a new folder; modes become 0644, 0755 for executables and folders, whatever the umask.

        Nothing is at `target` unless all of it is there.

        Raises:
            InvalidInputError: As `chunks`; or `target` exists.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            folder.chmod(0o755)
            made: set[Path] = {folder}
            for entry in self.entries:
                path = folder / entry.name
                _make_folders(path if entry.folder else path.parent, made)
                if not entry.folder:
                    with path.open("xb") as out:
                        out.writelines(self.chunks(entry))
                        os.fchmod(out.fileno(), 0o755 if entry.executable else 0o644)
            if target.exists():
                raise InvalidInputError(f"{target} is there already", code="archive-target-exists")
            folder.rename(target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _raw(self, entry: Entry) -> Iterator[bytes]:
        at, left = entry.data_offset, entry.compressed_bytes
        while left:
            self._file.seek(at)
            chunk = self._file.read(min(left, _CHUNK_BYTES))
            if not chunk:
                refuse("truncated", "the archive became shorter while it was read", entry=entry.name)
            at += len(chunk)
            left -= len(chunk)
            yield chunk

    def _inflate(self, entry: Entry) -> Iterator[bytes]:
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        for chunk in self._raw(entry):
            if engine.eof:
                refuse("hidden-data", "there is more after the end of its compressed data", entry=entry.name)
            data = chunk
            while data and not engine.eof:
                yield engine.decompress(data, _CHUNK_BYTES)
                data = engine.unconsumed_tail
            if engine.unused_data:
                refuse("hidden-data", "there is more after the end of its compressed data", entry=entry.name)
        while not engine.eof:
            rest = engine.decompress(b"", _CHUNK_BYTES)
            if not rest and not engine.eof:
                refuse("truncated", "its compressed data is cut off", entry=entry.name)
            yield rest


def _error(code: str, reason: str, entry: Entry) -> InvalidInputError:
    try:
        refuse(code, reason, entry=entry.name)
    except InvalidInputError as error:
        return error


def _make_folders(path: Path, made: set[Path]) -> None:
    if path in made:
        return
    _make_folders(path.parent, made)
    path.mkdir(exist_ok=True)
    path.chmod(0o755)
    made.add(path)
