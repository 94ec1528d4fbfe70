"""Unpack a zip as Lambda would, and refuse what could leave its folder or fill the disk."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from services_ai_sdk.emulator.errors import UnsafeArchiveError

UNZIPPED_BYTES_MAX = 262_144_000
"""Lambda's limit for code and layers together (AWS: 250 MB unzipped)."""
ENTRIES_MAX = 65_000
_LINK_BYTES_MAX = 4096


def unpack(archive: Path, folder: Path, *, size_bytes_max: int = UNZIPPED_BYTES_MAX) -> int:
    """Unpack a zip into an empty folder; returns the unzipped size in bytes.

    Modes are kept as far as anybody may read: everything becomes readable, folders passable.

    Raises:
        UnsafeArchiveError: Broken, encrypted, too large, or an entry names a place outside the folder.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            return _unpack(opened, folder, size_bytes_max)
    except UnsafeArchiveError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        UnicodeDecodeError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        # RuntimeError is zipfile's word for an encrypted entry.
        raise UnsafeArchiveError(f"{archive.name} is no zip that can be read: {error}") from error
    except (ValueError, OSError) as error:
        raise UnsafeArchiveError(f"{archive.name} cannot be unpacked: {error}") from error


def _unpack(opened: zipfile.ZipFile, folder: Path, size_bytes_max: int) -> int:
    entries = opened.infolist()
    if len(entries) > ENTRIES_MAX:
        raise UnsafeArchiveError(f"the zip has {len(entries)} entries, more than {ENTRIES_MAX}")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    seen: set[str] = set()
    links: list[tuple[Path, str]] = []
    total = 0
    for entry in entries:
        name = _checked_name(entry, seen)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # The other methods decompress what they read at once, however large it becomes.
            raise UnsafeArchiveError(f"entry {name!r} is compressed by another method than deflate")
        target = folder / name
        mode = entry.external_attr >> 16
        if entry.is_dir():
            _make_folders(folder, PurePosixPath(name))
            continue
        _make_folders(folder, PurePosixPath(name).parent)
        if stat.S_ISLNK(mode):
            links.append((target, _checked_link(opened, entry, name)))
            continue
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise UnsafeArchiveError(f"entry {name!r} is neither a file, a folder nor a link")
        total = _write(opened, entry, target, total, size_bytes_max)
        target.chmod(0o755 if mode & 0o111 else 0o644)
    # Links come last, so that no entry can be written through one.
    for target, destination in links:
        target.symlink_to(destination)
    return total


def _checked_name(entry: zipfile.ZipInfo, seen: set[str]) -> str:
    # orig_filename is what the zip says; zipfile already cut `filename` at a NUL.
    raw = entry.orig_filename
    path = PurePosixPath(raw)
    if "\0" in raw or "\\" in raw or not raw.strip("/"):
        raise UnsafeArchiveError(f"entry {raw!r} has a name that no file can have")
    if path.is_absolute() or ".." in path.parts:
        raise UnsafeArchiveError(f"entry {raw!r} names a place outside the archive")
    name = str(path)
    if name in seen:
        raise UnsafeArchiveError(f"entry {raw!r} occurs twice")
    seen.add(name)
    return name


def _make_folders(root: Path, relative: PurePosixPath) -> None:
    folder = root
    for part in relative.parts:
        folder = folder / part
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(0o755)


def _checked_link(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> str:
    if entry.file_size > _LINK_BYTES_MAX:
        raise UnsafeArchiveError(f"link {name!r} is longer than {_LINK_BYTES_MAX} bytes")
    destination = opened.read(entry).decode("utf-8")
    if not destination or "\0" in destination or destination.startswith("/"):
        raise UnsafeArchiveError(f"link {name!r} points outside the archive")
    if "/../" in f"/{destination.lstrip('./')}/":
        # After a name that is a link itself, `..` leads elsewhere than it reads.
        raise UnsafeArchiveError(f"link {name!r} goes down and up again")
    resolved = os.path.normpath(str(PurePosixPath(name).parent / destination))
    if resolved == ".." or resolved.startswith("../"):
        raise UnsafeArchiveError(f"link {name!r} points outside the archive")
    return destination


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, total: int, size_bytes_max: int) -> int:
    # Sizes in the directory may lie: count what really comes out.
    with opened.open(entry) as source, target.open("xb") as out:
        while chunk := source.read(1 << 20):
            total += len(chunk)
            if total > size_bytes_max:
                raise UnsafeArchiveError(f"unzipped it is larger than {size_bytes_max} bytes, Lambda's limit")
            out.write(chunk)
    return total


def remove_tree(folder: Path) -> None:
    """Remove a folder of ours; a folder that is gone already is fine."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
