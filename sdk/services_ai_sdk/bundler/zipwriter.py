"""Writes zip files whose bytes depend on their content alone: not on time, umask, folder, machine or zlib.

Nothing is compressed here, because another zlib compresses to other bytes. Entries taken from a wheel keep the
compressed bytes that the wheel has; everything else is stored as it is.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.bundler.zipformat import (
    CENTRAL,
    CENTRAL_MARK,
    END,
    END_MARK,
    FLAG_UTF8,
    LOCAL,
    LOCAL_MARK,
    STORED,
    Entry,
)
from services_ai_sdk.wire.errors import InvalidInputError

ENTRIES_MAX = 65_534
_VERSION = 20
_MADE_BY_UNIX = 3 << 8 | _VERSION
_DATE = 0x0021  # 1980-01-01, the first that a zip can say
_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Item:
    """One file to write.

    Attributes:
        source: Its content; or a file that has it; or an entry of an archive that was verified.
    """

    name: str
    source: bytes | Path | tuple[Archive, Entry]
    executable: bool = False


@dataclass(frozen=True, slots=True)
class ZipFacts:
    """What was written."""

    sha256: str
    size_bytes: int
    unzipped_bytes: int


def write_zip(target: Path, items: Iterable[Item]) -> ZipFacts:
    """Writes the items, sorted by name, and moves the file to `target` when all of it is there.

    Raises:
        InvalidInputError: More entries than a zip holds, or a source file changed while it was read.
    """
    ordered = sorted(items, key=lambda item: item.name.encode())
    if len(ordered) > ENTRIES_MAX:
        raise InvalidInputError(f"{len(ordered)} files are more than a zip holds", code="archive-too-many-entries")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            out = _Out(file)
            directory = b"".join([_write(out, item) for item in ordered])
            start = out.size_bytes
            out.write(directory)
            out.write(END.pack(END_MARK, 0, 0, len(ordered), len(ordered), len(directory), start, 0))
            os.fchmod(file.fileno(), 0o644)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return ZipFacts(out.hash.hexdigest(), out.size_bytes, out.unzipped_bytes)


class _Out:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()
        self.size_bytes = 0
        self.unzipped_bytes = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.hash.update(data)
        self.size_bytes += len(data)


def _write(out: _Out, item: Item) -> bytes:
    """Writes header and data; gives the entry's record for the directory."""
    name = item.name.encode()
    flags = 0 if name.isascii() else FLAG_UTF8
    method, crc32, compressed, size = _facts(item.source)
    offset = out.size_bytes
    common = (flags, method, 0, _DATE, crc32, compressed, size, len(name), 0)
    out.write(LOCAL.pack(LOCAL_MARK, _VERSION, *common) + name)
    begins = out.size_bytes
    for chunk in _data(item.source):
        out.write(chunk)
    if out.size_bytes - begins != compressed:
        raise InvalidInputError(f"{item.name} changed while it was read", code="source-changed", retryable=True)
    out.unzipped_bytes += size
    mode = 0o100755 if item.executable else 0o100644
    return CENTRAL.pack(CENTRAL_MARK, _MADE_BY_UNIX, _VERSION, *common, 0, 0, 0, mode << 16, offset) + name


def _facts(source: bytes | Path | tuple[Archive, Entry]) -> tuple[int, int, int, int]:
    """Method, CRC, compressed and real size."""
    if isinstance(source, tuple):
        entry = source[1]
        return entry.method, entry.crc32, entry.compressed_bytes, entry.size_bytes
    crc32 = size = 0
    for chunk in _data(source):
        crc32 = zlib.crc32(chunk, crc32)
        size += len(chunk)
    return STORED, crc32, size, size


def _data(source: bytes | Path | tuple[Archive, Entry]) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
    elif isinstance(source, tuple):
        yield from source[0].raw_chunks(source[1])
    else:
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
