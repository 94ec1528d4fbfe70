"""Hostile manifests and archives as a person meets them, through `package`: refused, nothing left, memory flat."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from services_ai_sdk.bundler.dependencies import DependencyManager
from services_ai_sdk.bundler.package import build_package
from services_ai_sdk.wire.errors import ServicesAIError

MakePlugin = Callable[..., Path]
GOOD = b'{"name": "x", "version": "1", "description": "d", "author": "a", "email": "a@example.com"}'
BIG_BYTES = 50_000_000


@pytest.fixture
def holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, to see that none stays."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(path))
    return path


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        (None, "manifest-missing"),
        (b" " * BIG_BYTES, "manifest-too-large"),
        (b"\xef\xbb\xbf" + GOOD, "json-bom"),
        (GOOD.decode().encode("utf-16"), "json-not-utf8"),
        (GOOD.replace(b'"1"', b"NaN"), "json-nan"),
        (GOOD.replace(b'"1"', b"Infinity"), "json-nan"),
        (GOOD.replace(b'"version"', b'"name"'), "json-duplicate-key"),
        (
            GOOD.replace(b'{"name"', b'{"limits": {"memory_mb": 256, "memory_mb": 128}, "name"'),
            "json-duplicate-key",
        ),
        (b"[" * 100_000, "json-invalid"),
        (GOOD[:-1], "json-invalid"),
        (b"\x00" * 100, "json-invalid"),
        (b"", "json-invalid"),
        (b"[]", "manifest-invalid"),
    ],
    ids=lambda value: "folder" if value is None else value if isinstance(value, str) else str(value[:12]),
)
def test_a_bad_manifest(
    make_plugin: MakePlugin,
    manager: DependencyManager,
    tmp_path: Path,
    holder: Path,
    manifest: bytes | None,
    code: str,
    zipped: bool,
) -> None:
    source = make_plugin()
    (source / "manifest.json").unlink()
    if manifest is None:
        (source / "manifest.json").mkdir()
        (source / "manifest.json/x").write_text("x")
    else:
        (source / "manifest.json").write_bytes(manifest)
    if zipped:
        with zipfile.ZipFile(tmp_path / "plugin.zip", "w") as archive:
            for path in sorted(source.rglob("*")):
                archive.write(path, path.relative_to(source))
        source = tmp_path / "plugin.zip"
    with pytest.raises(ServicesAIError) as caught:
        build_package(source, tmp_path / "out", dependencies=manager)
    found = {finding["code"] for finding in caught.value.details.get("findings", [])}
    assert code in found | {caught.value.code}
    assert caught.value.exit_code in (1, 2)
    assert not (tmp_path / "out").exists()
    assert list(holder.iterdir()) == []


def test_a_zip_inside_a_zip_is_a_file_and_not_opened(
    make_plugin: MakePlugin, manager: DependencyManager, tmp_path: Path
) -> None:
    """Nested bombs go off only where somebody unpacks what is nested."""
    root = make_plugin()
    with zipfile.ZipFile(root / "nested.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil", b"\0" * 20_000_000)
    size_bytes = (root / "nested.zip").stat().st_size
    built = build_package(root, tmp_path / "out", dependencies=manager)
    with zipfile.ZipFile(built.package) as archive:
        assert archive.getinfo("nested.zip").file_size == size_bytes
    assert built.unzipped_bytes < 100_000


MEASURED = """
import resource, sys
from pathlib import Path
from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.manifest.load import load_manifest
from services_ai_sdk.wire.errors import ServicesAIError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before = peak()
try:
    path = Path(sys.argv[1])
    if path.name == "manifest.json":
        print(load_manifest(path).findings[0].code, end=" ")
    else:
        with Archive(path) as archive:
            archive.extract(Path(sys.argv[2]))
        print("unpacked", end=" ")
except ServicesAIError as error:
    print(error.code, end=" ")
print(peak() - before)
"""


class TestMemory:
    """Of a process of its own; what is read is up to 240 MB."""

    def grown(self, path: Path, tmp_path: Path) -> tuple[str, int]:
        command = [sys.executable, "-c", MEASURED, str(path), str(tmp_path / "unpacked")]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.split()
        return said[0], int(said[1])

    @pytest.mark.parametrize("kind", ["one", "many", "bomb", "lie", "directory"])
    def test_stays_flat(self, tmp_path: Path, zip_file: Callable[..., Path], kind: str, part: type) -> None:
        block = os.urandom(256) * 4096  # 1 MB that packs to a hundredth
        if kind == "one":
            noise = part(b"noise", os.urandom(3_000_000), method=0)
            path, answer = zip_file([part(b"big", block * 200), noise]), "unpacked"
        elif kind == "many":
            path, answer = zip_file([part(b"d/%d" % number, block[:5000]) for number in range(15_000)]), "unpacked"
        elif kind == "bomb":
            path, answer = zip_file([part(b"zeros", b"\0" * 200_000_000)]), "archive-bomb"
        elif kind == "lie":
            path = zip_file([part(b"zeros", b"\0" * 200_000_000, both={"size": 10})])
            answer = "archive-header-mismatch"
        else:
            path = zip_file([part(b"d/%d" % number, b"", method=0) for number in range(60_000)])
            answer = "archive-too-many-entries"
        said, grown_bytes = self.grown(path, tmp_path)
        assert said == answer
        assert grown_bytes < 40_000_000

    def test_a_manifest_of_50_mb_is_not_read_whole(self, tmp_path: Path) -> None:
        (tmp_path / "manifest.json").write_bytes(b" " * BIG_BYTES)
        said, grown_bytes = self.grown(tmp_path / "manifest.json", tmp_path)
        assert said == "manifest-too-large"
        assert grown_bytes < 10_000_000
