from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.bundler.zipwriter import Item, write_zip


def test_what_is_written_is_read_by_us_and_by_python(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(b"from a file" * 1000)
    items = [Item("b/ä.txt", b"bytes"), Item("run", tmp_path / "content", executable=True), Item("a", b"")]
    facts = write_zip(tmp_path / "out.zip", items)
    with Archive(tmp_path / "out.zip") as archive:
        archive.verify()
        assert [(entry.name, entry.executable) for entry in archive.files()] == [
            ("a", False),
            ("b/ä.txt", False),
            ("run", True),
        ]
        assert archive.unzipped_bytes == facts.unzipped_bytes
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("run") == b"from a file" * 1000
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
    data = (tmp_path / "out.zip").read_bytes()
    assert (facts.sha256, facts.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))


def test_entries_of_another_archive_keep_their_compressed_bytes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.txt", "text " * 1000)
    with Archive(tmp_path / "in.zip") as source:
        write_zip(tmp_path / "out.zip", [Item("b.txt", (source, next(source.files())))])
        with Archive(tmp_path / "out.zip") as copy:
            before, after = next(source.files()), next(copy.files())
            assert b"".join(copy.raw_chunks(after)) == b"".join(source.raw_chunks(before))
            assert copy.read(after, 10_000) == b"text " * 1000


def test_order_umask_and_name_of_the_target_change_nothing(tmp_path: Path) -> None:
    items = [Item("a", b"1"), Item("b", b"2", executable=True)]
    first = write_zip(tmp_path / "one.zip", items)
    before = os.umask(0o077)
    try:
        second = write_zip(tmp_path / "two.zip", items[::-1])
    finally:
        os.umask(before)
    assert first == second
    assert (tmp_path / "two.zip").stat().st_mode & 0o777 == 0o644


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_bytes(b"earlier")
    with pytest.raises(FileNotFoundError):
        write_zip(tmp_path / "out.zip", [Item("a", b"1"), Item("b", tmp_path / "gone")])
    assert (tmp_path / "out.zip").read_bytes() == b"earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["out.zip"]
