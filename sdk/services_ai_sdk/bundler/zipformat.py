"""The records of a zip file, read so strictly that no two readers can see different files in it.

Follows PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.4. Beyond it: entries lie one after the other from the
first byte to the central directory with nothing between, and the two headers of an entry agree.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from services_ai_sdk.bundler.names import problem_with
from services_ai_sdk.wire.errors import InvalidInputError

STORED = 0
DEFLATED = 8

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
LOCAL_MARK, CENTRAL_MARK, END_MARK, DESCRIPTOR_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x07\x08"

FLAG_ENCRYPTED = 0x2041  # bits 0, 6 (strong encryption) and 13 (masked headers)
FLAG_DESCRIPTOR = 0x0008
FLAG_PATCHED = 0x0020
FLAG_UTF8 = 0x0800

_COMMENT_MAX_BYTES = 0xFFFF
_DIRECTORY_MAX_BYTES = 16 * 1024 * 1024
_WIDE = 0xFFFFFFFF
_EXTRA_ZIP64 = 0x0001
_EXTRA_UNICODE_PATH = 0x7075


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder of an archive.

    Attributes:
        name: POSIX style; without the trailing slash of a folder.
        data_offset: Where its (compressed) bytes begin in the archive.
    """

    name: str
    folder: bool
    executable: bool
    method: int
    crc32: int
    size_bytes: int
    compressed_bytes: int
    data_offset: int


@dataclass(frozen=True, slots=True)
class _Central:
    raw_name: bytes
    flags: int
    method: int
    crc32: int
    compressed: int
    size: int
    offset: int
    mode: int


def refuse(code: str, reason: str, *, entry: str = "") -> NoReturn:
    """Raises the error that says why an archive is not read.

    Raises:
        InvalidInputError: Always; its code is `archive-` and `code`, `details["entry"]` the entry's name.
    """
    shown = entry if len(entry) <= 100 else entry[:97] + "…"
    where = f"entry {shown!r}: " if entry else ""
    raise InvalidInputError(f"{where}{reason}", code=f"archive-{code}", details={"entry": shown})


def read_entries(file: BinaryIO, size_bytes: int, entries_max: int) -> list[Entry]:
    """All entries in the order of the archive.

    Raises:
        InvalidInputError: Whatever makes the archive ambiguous, malformed or unsafe.
    """
    start, end, count = _end_record(file, size_bytes)
    if count > entries_max:
        refuse("too-many-entries", f"it has {count} entries; {entries_max} are allowed")
    if end - start > _DIRECTORY_MAX_BYTES:
        refuse("too-many-entries", f"its directory has {end - start} bytes; {_DIRECTORY_MAX_BYTES} are allowed")
    file.seek(start)
    directory = file.read(end - start)
    centrals = _centrals(directory, count)
    entries: list[Entry] = []
    at = 0
    for central in sorted(centrals, key=lambda item: item.offset):
        entry, at = _entry(file, central, at, start)
        entries.append(entry)
    if at != start:
        refuse("hidden-data", f"{start - at} bytes before its directory belong to no entry")
    return entries


def _end_record(file: BinaryIO, size_bytes: int) -> tuple[int, int, int]:
    """Start and end of the central directory, and the number of its entries."""
    if size_bytes < END.size:
        refuse("not-a-zip", f"it is no zip file: {size_bytes} bytes")
    span = min(size_bytes, END.size + _COMMENT_MAX_BYTES)
    file.seek(size_bytes - span)
    tail = file.read(span)
    found = [at for at in _positions(tail, END_MARK) if at + END.size <= len(tail)]
    fitting = [at for at in found if at + END.size + END.unpack_from(tail, at)[7] == len(tail)]
    if not fitting:
        file.seek(0)
        begins = file.read(4) in (LOCAL_MARK, END_MARK)
        refuse("truncated" if begins else "not-a-zip", "it is cut off" if begins else "it is no zip file")
    if len(fitting) > 1:
        refuse("ambiguous", "it ends in more than one way, so that readers would disagree about what is in it")
    at = fitting[0]
    _, disk, first_disk, here, count, length, offset, _ = END.unpack_from(tail, at)
    end = size_bytes - span + at
    if disk or first_disk or here != count:
        refuse("split", "it is one part of an archive split over several files")
    if count == 0xFFFF or _WIDE in (length, offset):
        refuse("too-large", "it uses the zip64 directory, for archives beyond what Lambda takes")
    if offset + length != end:
        refuse("ambiguous", "its end does not say where its directory really is")
    return offset, end, count


def _positions(data: bytes, mark: bytes) -> list[int]:
    found, at = [], data.find(mark)
    while at >= 0:
        found.append(at)
        at = data.find(mark, at + 1)
    return found


def _centrals(directory: bytes, count: int) -> list[_Central]:
    centrals: list[_Central] = []
    at = 0
    while at < len(directory):
        if len(directory) - at < CENTRAL.size or directory[at : at + 4] != CENTRAL_MARK:
            refuse("malformed", f"its directory is broken after {len(centrals)} entries")
        fields = CENTRAL.unpack_from(directory, at)
        flags, method, crc32, compressed, size = fields[3], fields[4], *fields[7:10]
        name_length, extra_length, comment_length, disk, attributes, offset = (
            *fields[10:14],
            fields[15],
            fields[16],
        )
        at += CENTRAL.size
        ends = at + name_length + extra_length + comment_length
        if ends > len(directory):
            refuse("malformed", f"its directory is broken after {len(centrals)} entries")
        raw_name = directory[at : at + name_length]
        extra = _extra(directory[at + name_length : at + name_length + extra_length], raw_name)
        size, compressed, offset = _widen(extra.get(_EXTRA_ZIP64, b""), (size, compressed, offset), raw_name)
        if disk not in (0, 0xFFFF):
            refuse("split", "it is one part of an archive split over several files")
        centrals.append(_Central(raw_name, flags, method, crc32, compressed, size, offset, mode=attributes >> 16))
        at = ends
    if len(centrals) != count:
        refuse("ambiguous", f"it says it has {count} entries and lists {len(centrals)}")
    return centrals


def _extra(data: bytes, raw_name: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<2H", data, at)
        fields[kind] = data[at + 4 : at + 4 + length]
        at += 4 + length
    if _EXTRA_UNICODE_PATH in fields and fields[_EXTRA_UNICODE_PATH][5:] != raw_name:
        refuse("header-mismatch", "it has two names", entry=_printable(raw_name))
    return fields


def _widen(zip64: bytes, narrow: tuple[int, ...], raw_name: bytes) -> tuple[int, ...]:
    """Replaces fields of all ones by their 64-bit values, in the order APPNOTE 4.5.3 gives."""
    wide: list[int] = []
    at = 0
    for value in narrow:
        if value != _WIDE:
            wide.append(value)
            continue
        if at + 8 > len(zip64):
            refuse("malformed", "its size is missing", entry=_printable(raw_name))
        wide.append(int.from_bytes(zip64[at : at + 8], "little"))
        at += 8
    return tuple(wide)


def _entry(file: BinaryIO, central: _Central, expected: int, limit: int) -> tuple[Entry, int]:
    """The entry, checked against its local header; and where the next one must begin."""
    name = _name(central)
    if central.offset != expected:
        reason = "overlaps the one before it" if central.offset < expected else "leaves a gap before it"
        refuse("overlap" if central.offset < expected else "hidden-data", reason, entry=name)
    file.seek(central.offset)
    header = file.read(LOCAL.size)
    if len(header) < LOCAL.size or header[:4] != LOCAL_MARK:
        refuse("malformed", "it does not begin where the directory says", entry=name)
    _, _, flags, method, _, _, crc32, compressed, size, name_length, extra_length = LOCAL.unpack(header)
    raw_name = file.read(name_length)
    extra = _extra(file.read(extra_length), raw_name)
    size, compressed = _widen(extra.get(_EXTRA_ZIP64, b""), (size, compressed), raw_name)
    later = bool(flags & FLAG_DESCRIPTOR)
    told = (raw_name, flags, method, crc32, compressed, size)
    true = (central.raw_name, central.flags, central.method, central.crc32, central.compressed, central.size)
    if told[:3] != true[:3] or (told[3:] != true[3:] and not (later and told[3:] == (0, 0, 0))):
        refuse("header-mismatch", "its own header and the directory disagree", entry=name)
    begins = central.offset + LOCAL.size + name_length + extra_length
    ends = begins + central.compressed
    if ends > limit:
        refuse("truncated", "it reaches beyond the end of the archive's data", entry=name)
    if later:
        ends = _after_descriptor(file, central, ends, limit, name)
    folder = central.raw_name.endswith(b"/")
    _check_kind(central, name, folder=folder)
    executable = bool(central.mode & 0o111)
    data = (central.method, central.crc32, central.size, central.compressed, begins)
    return Entry(name, folder, executable, *data), ends


def _after_descriptor(file: BinaryIO, central: _Central, at: int, limit: int, name: str) -> int:
    """The end of the data descriptor: with or without its mark, in 4- or 8-byte sizes (APPNOTE 4.3.9)."""
    file.seek(at)
    data = file.read(min(24, limit - at))
    for mark in (DESCRIPTOR_MARK, b""):
        for form in ("<3I", "<I2Q"):
            sizes = (central.compressed, central.size)
            if form == "<3I" and max(sizes) > _WIDE:
                continue
            wanted = mark + struct.pack(form, central.crc32, *sizes)
            if data.startswith(wanted):
                return at + len(wanted)
    refuse("header-mismatch", "the sizes after its data and the directory disagree", entry=name)


def _check_kind(central: _Central, name: str, *, folder: bool) -> None:
    if central.flags & FLAG_ENCRYPTED:
        refuse("encrypted", "it is encrypted", entry=name)
    if central.flags & FLAG_PATCHED or central.method not in (STORED, DEFLATED):
        refuse("method", f"it is compressed in a way that is not read (method {central.method})", entry=name)
    kind = central.mode >> 12
    if kind == 0o12:
        refuse("link", "it is a symbolic link", entry=name)
    if kind not in (0, 0o10, 0o4) or (kind == 0o4) > folder or (kind == 0o10 and folder):
        refuse("link", "it is neither a file nor a folder", entry=name)
    if folder and central.size:
        refuse("malformed", "a folder has content", entry=name)
    if central.method == STORED and central.size != central.compressed:
        refuse("header-mismatch", "it is not compressed, and yet its two sizes differ", entry=name)


def _name(central: _Central) -> str:
    shown = _printable(central.raw_name)
    try:
        name = central.raw_name.decode("utf-8" if central.flags & FLAG_UTF8 else "ascii")
    except UnicodeDecodeError:
        refuse("name", "its name has characters outside ASCII and does not say that it is UTF-8", entry=shown)
    name = name.removesuffix("/")
    if problem := problem_with(name):
        refuse(problem[0], problem[1], entry=shown or "?")
    return name


def _printable(raw_name: bytes) -> str:
    return raw_name[:400].decode("utf-8", "backslashreplace")
