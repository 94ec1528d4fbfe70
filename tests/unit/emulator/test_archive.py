"""Zips that want out of their folder, fill the disk, or are broken: refused, and nothing is left outside."""

from __future__ import annotations

import random
import stat
import struct
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from services_ai_sdk.emulator import archive as archive_module
from services_ai_sdk.emulator.archive import unpack
from services_ai_sdk.emulator.errors import UnsafeArchiveError


def entry(name: str, mode: int = 0o644, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | mode) << 16
    return info


def link(name: str) -> zipfile.ZipInfo:
    return entry(name, 0o777, stat.S_IFLNK)


def write(
    path: Path, *entries: tuple[zipfile.ZipInfo | str, bytes], compression: int = zipfile.ZIP_STORED
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as opened:
        for info, content in entries:
            opened.writestr(info, content, compress_type=compression)
    return path


def refused(tmp_path: Path, source: Path, **options: int) -> str:
    before = {path for path in tmp_path.iterdir() if path.name != "out"}
    folder = tmp_path / "out" / source.stem
    with pytest.raises(UnsafeArchiveError) as caught:
        unpack(source, folder, **options)
    assert {path for path in tmp_path.iterdir() if path.name != "out"} == before
    assert set(tmp_path.glob("out/*")) <= {folder, tmp_path / "out" / "a", tmp_path / "out" / "0"}
    return caught.value.message


def test_files_folders_and_modes(tmp_path: Path) -> None:
    source = write(
        tmp_path / "a.zip",
        (entry("a/b/secret.txt", 0o600), b"text"),
        (entry("tool", 0o700), b"#!"),
        (entry("set-uid", 0o4755), b""),
        (entry("empty/", 0o700, stat.S_IFDIR), b""),
        ("no-mode", b"x" * 10),
    )
    folder = tmp_path / "tree"
    assert unpack(source, folder) == 4 + 2 + 10
    modes = {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in [folder, *folder.rglob("*")]
    }
    assert modes == {
        ".": 0o755, "a": 0o755, "a/b": 0o755, "a/b/secret.txt": 0o644, "tool": 0o755, "set-uid": 0o755,
        "empty": 0o755, "no-mode": 0o644,
    }  # fmt: skip
    assert (folder / "a/b/secret.txt").read_bytes() == b"text"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_compressions(tmp_path: Path, method: int) -> None:
    source = write(tmp_path / "a.zip", (zipfile.ZipInfo("a"), b"abc" * 1000), compression=method)
    unpack(source, tmp_path / "tree")
    assert (tmp_path / "tree/a").read_bytes() == b"abc" * 1000


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_cannot_be_read_in_pieces(tmp_path: Path, method: int) -> None:
    """A megabyte of these may become gigabytes in one read."""
    source = write(tmp_path / "a.zip", (zipfile.ZipInfo("a"), b"abc" * 1000), compression=method)
    assert "deflate" in refused(tmp_path, source)


@pytest.mark.parametrize(
    "name",
    ["../out.txt", "a/../../out.txt", "a/..", "..", "/etc/out.txt", "//out.txt", "a\\..\\out.txt", "..\\out.txt",
     "C:\\out.txt", "", "/", "a/b/../../../out.txt"],
)  # fmt: skip
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = name
    refused(tmp_path, write(tmp_path / "a.zip", (info, b"x")))


def test_name_with_nul(tmp_path: Path) -> None:
    data = write(tmp_path / "a.zip", ("evilXtail", b"x")).read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"evilXtail", b"evil\0tail"))
    refused(tmp_path, tmp_path / "a.zip")


@pytest.mark.parametrize("names", [("a", "a"), ("a/b", "a/./b"), ("a/b", "a//b"), ("a", "a/"), ("a/", "a")])
def test_same_name_twice(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.warns(UserWarning, match="Duplicate") if names[0] == names[1] else nullcontext():
        source = write(tmp_path / "a.zip", *((zipfile.ZipInfo(name), b"") for name in names))
    refused(tmp_path, source)


def test_file_that_is_a_folder_too(tmp_path: Path) -> None:
    refused(tmp_path, write(tmp_path / "a.zip", ("a", b"x"), ("a/b", b"x")))
    refused(tmp_path, write(tmp_path / "b.zip", ("a/b", b"x"), ("a", b"x")))


@pytest.mark.parametrize(
    "target",
    [b"/etc/passwd", b"../out", b"a/../../out", b"", b"x\0y", b"..", b"\xff\xfe", b"d" * 5000, b"../../../etc",
     b"self/self/../../out"],
)  # fmt: skip
def test_links_that_lead_out(tmp_path: Path, target: bytes) -> None:
    refused(tmp_path, write(tmp_path / "a.zip", (link("self"), b"."), (link("l"), target)))


def test_chain_of_links_that_leads_out(tmp_path: Path) -> None:
    """Each name by itself stays inside; followed one after the other they do not."""
    source = write(
        tmp_path / "a.zip",
        (link("p"), b"."),
        (link("q"), b"p/p/p/../../../out"),
        ("keep", b"x"),
        (link("r"), b"q"),
    )
    refused(tmp_path, source)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for order in (0, 1):
        entries = [(link("l"), b"."), ("l/file", b"x")][:: 1 if order else -1]
        refused(tmp_path, write(tmp_path / f"{order}.zip", *entries))
    assert list(outside.iterdir()) == []


def test_links_inside_stay(tmp_path: Path) -> None:
    source = write(
        tmp_path / "a.zip",
        ("lib/libx.so.1.2", b"elf"),
        (link("lib/libx.so"), b"libx.so.1.2"),
        (link("python/y"), b"../lib"),
        (link("dangling"), b"nowhere"),
    )
    folder = tmp_path / "tree"
    unpack(source, folder)
    assert (folder / "lib/libx.so").read_bytes() == (folder / "python/y/libx.so").read_bytes() == b"elf"
    assert (folder / "dangling").is_symlink()


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_devices_and_pipes(tmp_path: Path, kind: int) -> None:
    assert "neither" in refused(tmp_path, write(tmp_path / "a.zip", (entry("x", 0o666, kind), b"")))


def test_bomb(tmp_path: Path) -> None:
    source = write(
        tmp_path / "a.zip", (zipfile.ZipInfo("bomb"), bytes(5_000_000)), compression=zipfile.ZIP_DEFLATED
    )
    assert source.stat().st_size < 10_000
    assert "larger than 1000000 bytes" in refused(tmp_path, source, size_bytes_max=1_000_000)


def test_many_small_files_count_together(tmp_path: Path) -> None:
    entries = [(f"f{number}", bytes(1000)) for number in range(20)]
    source = write(tmp_path / "a.zip", *entries)
    assert unpack(source, tmp_path / "fits", size_bytes_max=20_000) == 20_000
    refused(tmp_path, source, size_bytes_max=19_999)


def test_bomb_whose_directory_lies(tmp_path: Path) -> None:
    source = write(
        tmp_path / "a.zip", (zipfile.ZipInfo("bomb"), bytes(5_000_000)), compression=zipfile.ZIP_DEFLATED
    )
    data = source.read_bytes().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 10))
    source.write_bytes(data)
    refused(tmp_path, source, size_bytes_max=1_000_000)


def test_too_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "ENTRIES_MAX", 5)
    source = write(tmp_path / "a.zip", *((f"{number}", b"") for number in range(6)))
    assert "6 entries" in refused(tmp_path, source)


def test_encrypted(tmp_path: Path) -> None:
    data = bytearray(write(tmp_path / "a.zip", ("a", b"secret")).read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    assert "encrypted" in refused(tmp_path, tmp_path / "a.zip")


def test_wrong_checksum(tmp_path: Path) -> None:
    data = write(tmp_path / "a.zip", ("a", b"content")).read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"content", b"CONTENT"))
    refused(tmp_path, tmp_path / "a.zip")


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"PK\x03\x04", b"PK\x05\x06" + bytes(17), b"x" * 1000, b"\x1f\x8b\x08"]
)
def test_no_zip(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    refused(tmp_path, tmp_path / "a.zip")


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path, tmp_path / "absent.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damaged_zips_are_refused_or_read_never_worse(tmp_path: Path, method: int) -> None:
    source = write(
        tmp_path / "a.zip",
        (entry("a/b.py"), b"print(1)\n" * 50),
        (entry("c/"), b""),
        (link("l"), b"a/b.py"),
        compression=method,
    )
    whole = source.read_bytes()
    chance = random.Random(method)
    outcomes = set()
    for round_number in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        source.write_bytes(data[: chance.randint(1, len(data))] if round_number % 3 == 0 else data)
        try:
            unpack(source, tmp_path / "trees" / str(round_number), size_bytes_max=100_000)
            outcomes.add("read")
        except UnsafeArchiveError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "trees"}
