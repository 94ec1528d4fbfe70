"""Which of the files in a snapshot folder is read, and what is said of the others. Real files, no moto."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.local.snapshots.folder import SnapshotFolder, forget
from infra.local.snapshots.pickling import Dumped, Find
from infra.local.snapshots.restoring import Restored, restore

LARGE = b"large" * 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with two snapshots, each with a change of its own, the second one with a content beside it."""
    path = tmp_path / "moto"
    folder = opened(path)
    for number, body in enumerate((b"first", b"second"), 1):
        folder.note_change(number, time.time())
        contents = {folder.keep(LARGE)} if number == 2 else set()
        folder.write(Dumped(body, {"Kind"}), contents, number, time.time())
    close(folder)
    return path


def opened(path: Path, moto: str = "5.2.5") -> SnapshotFolder:
    folder = SnapshotFolder(path, moto)
    folder.open()
    return folder


def close(folder: SnapshotFolder) -> None:
    os.close(folder.lock_fd)


def read(path: Path, moto: str = "5.2.5") -> tuple[list[bytes], Restored]:
    """What was loaded, and what was said."""
    loaded: list[bytes] = []

    def load(body: bytes, find: Find) -> None:
        for content in (path / "contents").iterdir():
            find(content.name)
        loaded.append(body)

    folder = SnapshotFolder(path, moto)
    notes = folder.open()
    restored = restore(folder, load)
    restored.notes[:0] = notes
    close(folder)
    return loaded, restored


def test_the_newest_is_read(path: Path) -> None:
    loaded, restored = read(path)
    assert loaded == [b"second"]
    assert (restored.changes, restored.notes) == (2, [])
    assert time.time() - restored.taken_at_s < 60
    assert opened(path).known_kinds() == {"Kind"}


def test_everything_is_this_user_s_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o700
    for one in path.rglob("*"):
        assert one.stat().st_mode & 0o022 == 0, one


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def headless(path: Path) -> None:
    path.write_bytes(b'{"moto": "5.2.5"}\n' + path.read_bytes().partition(b"\n")[2])


@pytest.mark.parametrize("damage", [truncate, flip, empty, headless])
def test_a_damaged_one_is_set_aside_and_the_one_before_is_used(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path / "snapshot")
    loaded, restored = read(path)
    assert loaded == [b"first"]
    (aside,) = path.glob("snapshot.aside-*")
    assert str(aside) in restored.notes[0]
    assert restored.notes[1].startswith("lost: 1 change made between ")


def test_a_crash_between_two_renames_leaves_the_one_before(path: Path) -> None:
    (path / "snapshot").unlink()
    loaded, restored = read(path)
    assert loaded == [b"first"]
    (note,) = restored.notes
    assert "lost: 1 change" in note


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
def test_a_damaged_content_is_damage(path: Path, damage: Callable[[Path], None]) -> None:
    (content,) = (path / "contents").iterdir()
    folder = opened(path)
    name = content.name
    damage(content)

    def load(body: bytes, find: Find) -> None:
        if body == b"second":
            find(name)

    restored = restore(folder, load)
    assert restored.changes == 1
    assert "part" in restored.notes[0]


def test_with_both_damaged_it_starts_empty_and_says_so(path: Path) -> None:
    truncate(path / "snapshot")
    truncate(path / "snapshot.before")
    loaded, restored = read(path)
    assert (loaded, restored.taken_at_s) == ([], 0)
    assert restored.notes[-1] == "there is no other: the local cloud starts empty"


def test_what_moto_cannot_read_is_set_aside(path: Path) -> None:
    def load(body: bytes, find: Find) -> None:
        if body == b"second":
            raise AttributeError("a class that is gone")

    restored = restore(opened(path), load)
    assert restored.changes == 1
    assert "cannot be read (AttributeError: a class that is gone)" in restored.notes[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"moto": "4.0.0"}, "was written with moto 4.0.0, and this is moto 5.2.5"), ({"format": 99}, "format 99")],
)
def test_one_of_another_version_is_set_aside_whole(path: Path, changes: dict[str, Any], said: str) -> None:
    header, _, body = (path / "snapshot").read_bytes().partition(b"\n")
    (path / "snapshot").write_bytes(json.dumps({**json.loads(header), **changes}).encode() + b"\n" + body)
    loaded, restored = read(path)
    assert loaded == [], "nor is the one before taken up without a word"
    (note,) = restored.notes
    (aside,) = path.parent.glob("moto.aside-*")
    assert said in note
    assert str(aside) in note
    assert {"snapshot", "snapshot.before", "contents"} <= {one.name for one in aside.iterdir()}
    assert read(path) == ([], Restored()), "said once"


def link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def give_away(path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 12345)


@pytest.mark.parametrize("how", [link, give_away, lambda path: path.chmod(0o770)])
@pytest.mark.parametrize("name", [".", "snapshot"])
def test_what_another_user_may_have_written_is_never_read(
    path: Path, name: str, how: Callable[[Path], None]
) -> None:
    how(path / name if name != "." else path)
    loaded, restored = read(path)
    assert loaded == []
    (note,) = restored.notes
    (aside,) = path.parent.glob("moto.aside-*")
    assert "not this user's alone" in note
    assert str(aside) in note
    assert path.stat().st_mode & 0o777 == 0o700
    assert not path.is_symlink()


def test_a_content_is_kept_as_long_as_a_snapshot_names_it(path: Path) -> None:
    folder = opened(path)
    for number in (3, 4):
        assert len(list((path / "contents").iterdir())) == 1
        folder.write(Dumped(b"more", set()), set(), number, time.time())
    assert list((path / "contents").iterdir()) == []


def test_the_next_one_waits_for_a_copy_that_still_writes(path: Path) -> None:
    folder = opened(path)
    pid = os.fork()
    if pid == 0:
        time.sleep(0.5)
        folder.write(Dumped(b"third", set()), set(), 3, time.time())
        os._exit(0)
    close(folder)
    loaded, _ = read(path)
    os.waitpid(pid, 0)
    assert loaded == [b"third"]


def test_forget_removes_what_was_set_aside_too(path: Path) -> None:
    path.chmod(0o755)
    read(path)
    assert forget(path)
    assert list(path.parent.iterdir()) == []
    assert not forget(path)
