from __future__ import annotations

import contextlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services_ai_sdk.bundler.archive import Archive, ArchiveLimits
from services_ai_sdk.wire.errors import InvalidInputError

ZipFile = Callable[..., Path]


def refusal(path: Path, **options: Any) -> InvalidInputError:
    """Why the archive is refused, at opening or at unpacking; and nothing may be left on disk."""
    target = path.parent / "unpacked"
    before = set(path.parent.iterdir())
    with pytest.raises(InvalidInputError) as caught, Archive(path, **options) as archive:
        archive.extract(target)
    assert set(path.parent.iterdir()) == before
    return caught.value


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (b"../evil.py", "archive-traversal"),
        (b"a/../../evil.py", "archive-traversal"),
        (b"..", "archive-traversal"),
        (b"..\\evil.py", "archive-traversal"),
        (b"a\\b.py", "archive-traversal"),
        (b"/etc/passwd", "archive-traversal"),
        (b"//server/share", "archive-traversal"),
        (b"C:/evil.py", "archive-traversal"),
        (b"c:evil.py", "archive-traversal"),
        (b"", "archive-name"),
        (b"/", "archive-name"),
        (b"a//b", "archive-name"),
        (b"./a", "archive-name"),
        (b"a/./b", "archive-name"),
        (b"a\x00.py", "archive-name"),
        (b"a\n.py", "archive-name"),
        (b"a\x7f.py", "archive-name"),
        (b"a.py ", "archive-name"),
        (b"a./b.py", "archive-name"),
        (b"a" * 300, "archive-name"),
        (b"/".join([b"abcdefgh"] * 200), "archive-name"),
    ],
)
def test_a_dangerous_or_odd_name_is_refused(zip_file: ZipFile, part: Any, name: bytes, code: str) -> None:
    assert refusal(zip_file([part(b"good.py"), part(name)])).code == code


@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\ufeff", "\u2028", "\ue000"])
def test_a_name_with_invisible_characters_is_refused(zip_file: ZipFile, part: Any, char: str) -> None:
    assert refusal(zip_file([part(f"a{char}b.py".encode(), flags=0x800)])).code == "archive-name"


def test_a_name_outside_ascii_must_say_that_it_is_utf8(zip_file: ZipFile, part: Any, tmp_path: Path) -> None:
    assert refusal(zip_file([part("é.py".encode())])).code == "archive-name"
    assert refusal(zip_file([part(b"\xff.py", flags=0x800)])).code == "archive-name"
    with Archive(zip_file([part("é.py".encode(), flags=0x800)])) as archive:
        assert [entry.name for entry in archive.files()] == ["é.py"]


def test_a_second_name_in_an_extra_field_is_refused(zip_file: ZipFile, part: Any) -> None:
    data = b"\x01" + struct.pack("<I", zlib.crc32(b"good.py")) + b"evil.py"
    extra = struct.pack("<2H", 0x7075, len(data)) + data
    assert refusal(zip_file([part(b"good.py", extra=extra)])).code == "archive-header-mismatch"


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (b"a.py", b"a.py", "archive-duplicate"),
        (b"a.py", b"A.py", "archive-collision"),
        (b"pkg/a.py", b"PKG/b.py", "archive-collision"),
        ("\u00e9.py".encode(), "e\u0301.py".encode(), "archive-collision"),
        ("stra\u00dfe".encode(), b"STRASSE", "archive-collision"),
        (b"a", b"a/b", "archive-duplicate"),
        (b"a/b", b"a", "archive-duplicate"),
    ],
)
def test_two_names_for_one_file_are_refused(
    zip_file: ZipFile, part: Any, first: bytes, second: bytes, code: str
) -> None:
    assert refusal(zip_file([part(first, flags=0x800), part(second, flags=0x800)])).code == code


@pytest.mark.parametrize("mode", [0o120777, 0o020644, 0o060644, 0o010644, 0o140755])
def test_links_and_devices_are_refused(zip_file: ZipFile, part: Any, mode: int) -> None:
    error = refusal(zip_file([part(b"link", b"/etc/passwd", mode=mode)]))
    assert error.code == "archive-link"
    assert ("symbolic link" in error.message) is (mode == 0o120777)
    assert error.details["entry"] == "link"


def test_overlapping_entries_are_refused(zip_file: ZipFile, part: Any) -> None:
    parts = [part(b"a" * 5, b"data"), part(b"b" * 5, b"data", central={"offset": 0})]
    assert refusal(zip_file(parts)).code in ("archive-overlap", "archive-header-mismatch")


def test_an_entry_quoted_inside_another_is_refused(zip_file: ZipFile, part: Any) -> None:
    """The inner one lies whole within the data of the outer: each alone looks right."""
    inner = (
        struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, zlib.crc32(b"in"), 2, 2, 5, 0) + b"inner" + b"in"
    )
    outer = part(b"outer", inner, method=0)
    hidden = part(b"inner", b"in", method=0, central={"offset": 30 + 5})
    whole = zip_file([outer, hidden])
    assert refusal(whole).code == "archive-overlap"


@pytest.mark.parametrize(
    ("parts", "options", "code"),
    [
        ([{"name": b"a"}], {"prefix": b"#!/bin/sh\n"}, "archive-hidden-data"),
        ([{"name": b"a"}, {"name": b"b", "gap": b"hidden"}], {}, "archive-hidden-data"),
        ([{"name": b"a"}], {"suffix": b"hidden"}, "archive-hidden-data"),
        ([{"name": b"a"}], {"tail": b"junk"}, "archive-truncated"),
        ([{"name": b"a"}], {"end": {"count": 2, "here": 2}}, "archive-ambiguous"),
        ([{"name": b"a"}, {"name": b"b"}], {"end": {"count": 1, "here": 1}}, "archive-ambiguous"),
        ([{"name": b"a"}], {"end": {"disk": 1}}, "archive-split"),
        ([{"name": b"a"}], {"end": {"here": 0}}, "archive-split"),
        ([{"name": b"a"}], {"end": {"offset": 0xFFFFFFFF}}, "archive-too-large"),
        ([{"name": b"a"}], {"end": {"offset": 3}}, "archive-ambiguous"),
        ([{"name": b"a"}], {"end": {"length": 10}}, "archive-ambiguous"),
        ([{"name": b"a", "flags": 1}], {}, "archive-encrypted"),
        ([{"name": b"a", "flags": 0x40}], {}, "archive-encrypted"),
        ([{"name": b"a", "flags": 0x2000}], {}, "archive-encrypted"),
        ([{"name": b"a", "flags": 0x20}], {}, "archive-method"),
        ([{"name": b"a", "method": 12}], {}, "archive-method"),
        ([{"name": b"a", "method": 99}], {}, "archive-method"),
        ([{"name": b"a", "local": {"name": b"b"}}], {}, "archive-header-mismatch"),
        ([{"name": b"a", "local": {"method": 0}}], {}, "archive-header-mismatch"),
        ([{"name": b"a", "local": {"size": 2}}], {}, "archive-header-mismatch"),
        ([{"name": b"a", "local": {"crc": 2}}], {}, "archive-header-mismatch"),
        ([{"name": b"a", "local": {"flags": 0x800}}], {}, "archive-header-mismatch"),
        (
            [{"name": b"a", "flags": 8, "local": {"crc": 0, "size": 0, "compressed": 0}}],
            {},
            "archive-header-mismatch",
        ),
        ([{"name": b"a", "both": {"crc": 1}}], {}, "archive-checksum"),
        ([{"name": b"a", "data": b"xyz", "both": {"size": 2}}], {}, "archive-header-mismatch"),
        ([{"name": b"a", "data": b"xyz", "both": {"size": 4}}], {}, "archive-header-mismatch"),
        ([{"name": b"a", "data": b"xyz", "method": 0, "both": {"size": 4}}], {}, "archive-header-mismatch"),
        ([{"name": b"a", "both": {"compressed": 10**6}}], {}, "archive-truncated"),
        ([{"name": b"a", "body": b"\xff\xff\xff\xff"}], {}, "archive-damaged"),
        ([{"name": b"a", "body": b""}], {}, "archive-truncated"),
        ([{"name": b"folder/", "data": b"content", "mode": 0o040755}], {}, "archive-malformed"),
        ([{"name": b"a", "both": {"size": 0xFFFFFFFF}}], {}, "archive-malformed"),
    ],
)
def test_a_malformed_or_ambiguous_archive_is_refused(
    zip_file: ZipFile, part: Any, parts: list[dict[str, Any]], options: dict[str, Any], code: str
) -> None:
    assert refusal(zip_file([part(**fields) for fields in parts], **options)).code == code


def test_data_after_the_end_of_a_compressed_stream_is_refused(zip_file: ZipFile, part: Any) -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = engine.compress(b"x") + engine.flush() + b"hidden"
    assert refusal(zip_file([part(b"a", body=body)])).code == "archive-hidden-data"


def test_a_comment_that_holds_another_end_is_refused(zip_file: ZipFile, part: Any) -> None:
    inner = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 0)
    assert refusal(zip_file([part(b"a")], end={"comment": inner})).code == "archive-ambiguous"


@pytest.mark.parametrize("data", [b"", b"PK", b"hello" * 100, b"\x00" * 22, b"PK\x03\x04" + b"\x00" * 100])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "no.zip"
    path.write_bytes(data)
    assert refusal(path).code in ("archive-not-a-zip", "archive-truncated")


def test_every_way_of_cutting_an_archive_off_is_refused(zip_file: ZipFile, part: Any) -> None:
    path = zip_file([part(b"a.py", b"print()" * 20), part(b"b.py", b"x" * 50)])
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        refusal(path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_never_end_in_another_exception(
    zip_file: ZipFile, part: Any, changes: list[tuple[int, int]]
) -> None:
    path = zip_file([part(b"a.py", b"print()" * 20), part(b"b/c.py", b"x" * 50, method=0)])
    data = bytearray(path.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    path.write_bytes(data)
    with contextlib.suppress(InvalidInputError), Archive(path) as archive:
        archive.verify()


class TestBombs:
    def test_too_much_content(self, zip_file: ZipFile, part: Any) -> None:
        path = zip_file([part(b"a", b"x" * 3000, method=0), part(b"b", b"x" * 3000, method=0)])
        assert refusal(path, limits=ArchiveLimits(unzipped_bytes=5000)).code == "archive-too-large"

    def test_too_many_entries(self, zip_file: ZipFile, part: Any) -> None:
        path = zip_file([part(b"%d" % number) for number in range(20)])
        assert refusal(path, limits=ArchiveLimits(entries=19)).code == "archive-too-many-entries"

    def test_a_ratio_that_no_honest_archive_has(self, zip_file: ZipFile, part: Any) -> None:
        assert refusal(zip_file([part(b"zeros", b"\0" * 20_000_000)])).code == "archive-bomb"

    def test_a_size_that_lies_is_met_before_it_is_written_out(self, zip_file: ZipFile, part: Any) -> None:
        """The header says 10 bytes and the stream has 20 million."""
        path = zip_file([part(b"zeros", b"\0" * 20_000_000, both={"size": 10})])
        assert refusal(path).code == "archive-header-mismatch"

    def test_a_pillow_passes(self, zip_file: ZipFile, part: Any, tmp_path: Path) -> None:
        """235:1 in one entry, 10:1 as a whole, and over 15,000 entries."""
        parts = [part(b"big", b"\0" * 9_000_000), part(b"noise", os.urandom(900_000), method=0)]
        parts += [part(b"d/%d" % number, b"", method=0) for number in range(15_400)]
        with Archive(zip_file(parts)) as archive:
            archive.verify()
            assert len(archive.entries) == 15_402


class TestHonest:
    def test_python_s_own_zips_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "own.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.mkdir("pkg")
            archive.writestr("pkg/a.py", "print()" * 50)
            with archive.open("big.txt", "w", force_zip64=True) as file:
                file.write(b"text" * 1000)
            archive.comment = b"a comment"
        with Archive(path) as archive:
            archive.extract(tmp_path / "out")
        assert (tmp_path / "out/pkg/a.py").read_text() == "print()" * 50
        assert (tmp_path / "out/big.txt").read_bytes() == b"text" * 1000

    def test_streamed_zips_with_data_descriptors_are_read(self, tmp_path: Path) -> None:
        class Pipe:
            def __init__(self, path: Path) -> None:
                self._file = path.open("wb")

            def write(self, data: bytes) -> int:
                return self._file.write(data)

            def flush(self) -> None:
                self._file.flush()

        path = tmp_path / "stream.zip"
        with zipfile.ZipFile(Pipe(path), "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
            archive.writestr("a.py", "print()" * 50)
            archive.writestr("b.py", "")
        with Archive(path) as archive:
            archive.verify()
            entry = archive.get("a.py")
            assert entry is not None
            assert archive.read(entry, 1000) == b"print()" * 50

    @pytest.mark.parametrize("form", ["<4s3I", "<3I", "<4sI2Q", "<I2Q"])
    def test_all_four_forms_of_a_descriptor(self, zip_file: ZipFile, part: Any, form: str) -> None:
        from zlib import crc32

        data = b"content"
        numbers = (crc32(data), len(data), len(data))
        descriptor = struct.pack(form, *([b"PK\x07\x08"] if "s" in form else []), *numbers)
        zeros = {"crc": 0, "size": 0, "compressed": 0}
        parts = [part(b"a", data, 0, 8, local=zeros, descriptor=descriptor), part(b"b")]
        with Archive(zip_file(parts)) as archive:
            archive.verify()

    def test_modes_do_not_depend_on_the_umask(self, zip_file: ZipFile, part: Any, tmp_path: Path) -> None:
        path = zip_file([part(b"d/run.sh", mode=0o104777), part(b"d/a.txt", mode=0o100600)])
        before = os.umask(0o077)
        try:
            with Archive(path) as archive:
                archive.extract(tmp_path / "out")
        finally:
            os.umask(before)
        modes = {path.name: path.stat().st_mode & 0o7777 for path in (tmp_path / "out").rglob("*")}
        assert modes == {"d": 0o755, "run.sh": 0o755, "a.txt": 0o644}
        assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755

    def test_it_does_not_write_over_what_is_there(self, zip_file: ZipFile, part: Any, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        with Archive(zip_file([part(b"a")])) as archive, pytest.raises(InvalidInputError) as caught:
            archive.extract(tmp_path / "out")
        assert caught.value.code == "archive-target-exists"
        assert list((tmp_path / "out").iterdir()) == []
