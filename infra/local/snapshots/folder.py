"""The folder of the snapshots: the newest, the one before, and the large contents that they name.

Nothing is read from it that another user may have written: a pickle runs what it says.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from infra.local.snapshots.pickling import Dumped
from infra.local.snapshots.private_files import name_aside, ours, sync_folder, write_file
from services_ai_sdk.wire.errors import PlatformError

FORMAT = 1
NEWEST = "snapshot"
BEFORE = "snapshot.before"
_HEADER_MAX_BYTES = 4 * 1024 * 1024
_LOCK_MAX_S = 30.0
_LOCK_LOOK_S = 0.02


class Unreadable(Exception):  # noqa: N818 - says what it is
    """A snapshot that is not used.

    Args:
        why: For a person, to follow "the state of 12:03:04".
        broken: It is damaged, and the one before may be whole; otherwise neither is for us.
    """

    def __init__(self, why: str, *, broken: bool) -> None:
        super().__init__(why)
        self.broken = broken


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a snapshot.

    Attributes:
        moto: The version whose objects it holds.
        taken_at_s: Unix time of the moment that it shows.
        changes: How many changes had been made by then, over all starts.
        sha256: Of the pickle behind it.
        size_bytes: Of the pickle.
        contents: Names of the contents that stand beside it.
        left_out: Services of which nothing is in it.
        kinds: Classes of which it is known that their objects can be read again.
    """

    moto: str
    taken_at_s: float
    changes: int
    sha256: str
    size_bytes: int
    contents: list[str]
    left_out: list[str]
    kinds: list[str]
    format: int = FORMAT


class SnapshotFolder:
    """One state directory's snapshots.

    Args:
        path: Made if need be, for this user alone.
        moto: The version that reads and writes here.
    """

    def __init__(self, path: Path, moto: str) -> None:
        self.path = path
        self._moto = moto
        self._contents = path / "contents"
        self._changes_fd = -1
        self._lock: IO[str] | None = None

    def open(self) -> list[str]:
        """Makes the folder and waits until no process that was killed writes here any more.

        Returns:
            What a person should know of it.

        Raises:
            PlatformError: Such a process does not end.
        """
        notes: list[str] = []
        if os.path.lexists(self.path) and not ours(self.path.lstat(), stat.S_ISDIR, 0o077):
            notes.append(f"{self.path} is not this user's alone: set aside as {self._rename_folder()}")
        self.path.mkdir(mode=0o700, exist_ok=True)
        self._contents.mkdir(mode=0o700, exist_ok=True)
        self._lock = (self.path / "lock").open("a")
        until = time.monotonic() + _LOCK_MAX_S
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise PlatformError(
                        f"another process writes in {self.path}", code="local-cloud-broken"
                    ) from None
                time.sleep(_LOCK_LOOK_S)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._changes_fd = os.open(self.path / "changes", flags, 0o600)
        return notes

    @property
    def lock_fd(self) -> int:
        """A copy of this process that writes here keeps it open: the next start waits for its end."""
        assert self._lock is not None
        return self._lock.fileno()

    def note_change(self, changes: int, at_s: float) -> None:
        """Remembers that there was a change, before anybody is told that it was made. A few microseconds."""
        os.pwrite(self._changes_fd, f"{changes:020} {at_s:020.6f}\n".encode(), 0)

    def last_change(self) -> tuple[int, float]:
        """The number and Unix time of the last change, zeroes when there was none."""
        try:
            number, at_s = os.pread(self._changes_fd, 100, 0).split()
            return int(number), float(at_s)
        except ValueError:
            return 0, 0.0

    def keep(self, content: bytes) -> str:
        """Puts a large content beside the snapshots, unless it is there."""
        name = hashlib.sha256(content).hexdigest()
        path = self._contents / name
        if not path.exists():
            write_file(path.with_suffix(".new"), path, content)
        return name

    def find(self, name: str) -> bytes:
        """What `keep` kept.

        Raises:
            Unreadable: It is gone or damaged.
        """
        try:
            content = (self._contents / name).read_bytes()
        except OSError as error:
            raise Unreadable(f"lacks a part: {error}", broken=True) from error
        if hashlib.sha256(content).hexdigest() != name:
            raise Unreadable("has a damaged part", broken=True)
        return content

    def known_kinds(self) -> set[str]:
        """Classes whose objects have been read again, as the newest snapshot says."""
        try:
            return set(self.read(NEWEST)[0].kinds)
        except (FileNotFoundError, Unreadable):
            return set()

    def write(self, dumped: Dumped, contents: set[str], changes: int, taken_at_s: float) -> None:
        """Makes this the newest snapshot and the newest the one before; at no moment is there none."""
        body = dumped.body
        header = Header(
            moto=self._moto,
            taken_at_s=taken_at_s,
            changes=changes,
            sha256=hashlib.sha256(body).hexdigest(),
            size_bytes=len(body),
            contents=sorted(contents),
            left_out=dumped.left_out,
            kinds=sorted(dumped.kinds),
        )
        sync_folder(self._contents)
        newest, before = self.path / NEWEST, self.path / BEFORE
        if newest.exists():
            link = self.path / "snapshot.link"
            link.unlink(missing_ok=True)
            os.link(newest, link)
            link.rename(before)
        write_file(self.path / "snapshot.new", newest, json.dumps(asdict(header)).encode() + b"\n" + body)
        sync_folder(self.path)
        self._forget_contents(contents)

    def read(self, name: str) -> tuple[Header, bytes]:
        """One snapshot: its header and its pickle.

        Raises:
            FileNotFoundError: There is none.
            Unreadable: It is not whole, not ours, or not of this version.
        """
        header, body = self._split(name)
        if header.format != FORMAT or header.moto != self._moto:
            theirs = f"moto {header.moto}" if header.format == FORMAT else f"format {header.format}"
            ours = f"moto {self._moto}" if header.format == FORMAT else f"format {FORMAT}"
            raise Unreadable(f"was written with {theirs}, and this is {ours}", broken=False)
        if len(body) != header.size_bytes:
            raise Unreadable(f"is not whole: {len(body):,} bytes of {header.size_bytes:,} are there", broken=True)
        if hashlib.sha256(body).hexdigest() != header.sha256:
            raise Unreadable("is damaged", broken=True)
        return header, body

    def taken_at_s(self, name: str) -> float:
        """When a snapshot was taken as far as it can be told."""
        try:
            return self._split(name)[0].taken_at_s
        except (OSError, Unreadable):
            path = self.path / name
            return path.lstat().st_mtime if path.exists() else 0.0

    def set_aside(self, name: str) -> Path:
        """Gives a snapshot another name, under which it is never read."""
        aside = name_aside(self.path / name)
        (self.path / name).rename(aside)
        return aside

    def start_anew(self) -> Path:
        """Gives the whole folder another name, contents included, and opens an empty one; returns that name."""
        aside = self._rename_folder()
        os.close(self._changes_fd)
        if self._lock is not None:
            self._lock.close()
        self.open()
        return aside

    def _rename_folder(self) -> Path:
        aside = name_aside(self.path)
        self.path.rename(aside)
        return aside

    def _split(self, name: str) -> tuple[Header, bytes]:
        try:
            descriptor = os.open(self.path / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise
        except OSError as error:  # a link, or somebody else's and closed to us
            raise Unreadable("is not this user's alone", broken=False) from error
        with os.fdopen(descriptor, "rb") as file:
            if not ours(os.fstat(file.fileno()), stat.S_ISREG, 0o022):
                raise Unreadable("is not this user's alone", broken=False)
            line = file.readline(_HEADER_MAX_BYTES)
            try:
                raw: dict[str, Any] = json.loads(line)
                header = Header(**raw)
            except (ValueError, TypeError) as error:
                raise Unreadable("has no header that can be read", broken=True) from error
            return header, file.read()

    def _forget_contents(self, needed: set[str]) -> None:
        for name in (NEWEST, BEFORE):
            try:
                needed = needed | set(self._split(name)[0].contents)
            except (FileNotFoundError, Unreadable):
                continue
        for path in self._contents.iterdir():
            if path.name not in needed:
                path.unlink()


def forget(path: Path) -> bool:
    """Removes all snapshots, also those set aside; whether there were any."""
    found = [one for one in (path, *path.parent.glob(f"{path.name}.aside-*")) if os.path.lexists(one)]
    for one in found:
        if one.is_symlink():
            one.unlink()
        else:
            shutil.rmtree(one)
    return bool(found)
