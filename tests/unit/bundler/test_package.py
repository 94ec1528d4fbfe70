from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.bundler.dependencies import DependencyManager
from services_ai_sdk.bundler.inspect import Inspector, verify
from services_ai_sdk.bundler.package import BuiltPackage, build_package
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, ServicesAIError

MakeWheel = Callable[..., Path]
MakePlugin = Callable[..., Path]
Rezip = Callable[..., bytes]


@pytest.fixture
def built(
    make_wheel: MakeWheel, make_plugin: MakePlugin, manager: DependencyManager, tmp_path: Path
) -> BuiltPackage:
    """A package with one direct dependency and one that comes along."""
    make_wheel("beta")
    make_wheel("alpha", files={"alpha/data.txt": b"data" * 100}, requires=["beta"])
    root = make_plugin({"alpha": "^1"}, files={"data/leads.csv": "a,b\n", ".env": "SECRET=1"}, python="python3.11")
    return build_package(root, tmp_path / "out", dependencies=manager)


def test_the_package_is_complete(built: BuiltPackage, digest: Callable[[Path], str]) -> None:
    assert built.package.name == "phone-numbers-1.2.0.zip"
    assert built.layer is not None
    assert built.layer.name == "phone-numbers-1.2.0.layer.zip"
    with zipfile.ZipFile(built.package) as archive:
        assert archive.namelist() == ["data/leads.csv", "main.py", "manifest.json", "pylock.toml"]
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["id"] == "phone-numbers"
    assert (manifest["entry_point"], manifest["plugin_class"]) == ("main.py", "Phones")
    assert (manifest["python"], manifest["hooks"]) == ("python3.11", [{"name": "lead_created", "priority": 50}])
    assert manifest["layer"] == {
        "sha256": digest(built.layer),
        "size_bytes": built.layer.stat().st_size,
        "unzipped_bytes": built.unzipped_bytes - sum(entry_sizes(built.package)),
    }
    assert (built.package_sha256, built.layer_sha256) == (digest(built.package), digest(built.layer))
    assert [row.package for row in built.dependencies] == ["alpha", "beta"]


def entry_sizes(path: Path) -> list[int]:
    with zipfile.ZipFile(path) as archive:
        return [info.file_size for info in archive.infolist()]


def test_the_same_plugin_gives_the_same_bytes_anywhere(
    built: BuiltPackage, tmp_path: Path, offline_environment: dict[str, str]
) -> None:
    """Another folder, umask, times and an empty cache."""
    before = os.umask(0o077)
    try:
        shutil.copytree(tmp_path / "plugin", tmp_path / "elsewhere/other", copy_function=shutil.copyfile)
        for number, path in enumerate((tmp_path / "elsewhere").rglob("*")):
            os.utime(path, (number * 1000, number * 1000))
        cold = DependencyManager.from_environment(
            environ=offline_environment | {"SERVICES_AI_CACHE": str(tmp_path / "cold")}
        )
        again = build_package(tmp_path / "elsewhere/other", tmp_path / "out2", dependencies=cold)
    finally:
        os.umask(before)
    assert again.package.read_bytes() == built.package.read_bytes()
    assert again.layer is not None
    assert built.layer is not None
    assert again.layer.read_bytes() == built.layer.read_bytes()
    assert again.package.stat().st_mode & 0o777 == 0o644


def test_a_package_can_be_packaged_again(built: BuiltPackage, manager: DependencyManager, tmp_path: Path) -> None:
    again = build_package(built.package, tmp_path / "again", dependencies=manager)
    assert again.package_sha256 == built.package_sha256
    assert again.cached


def test_nothing_is_written_beside_the_sources(built: BuiltPackage, tmp_path: Path) -> None:
    names = sorted(path.relative_to(tmp_path / "plugin").as_posix() for path in (tmp_path / "plugin").rglob("*"))
    assert names == [".env", "data", "data/leads.csv", "main.py", "manifest.json"]


def test_packaging_into_the_plugin_s_own_folder_does_not_swallow_packages(
    make_plugin: MakePlugin, manager: DependencyManager
) -> None:
    root = make_plugin()
    first = build_package(root, root, dependencies=manager)
    second = build_package(root, root, dependencies=manager)
    assert first.package_sha256 == second.package_sha256


def test_without_dependencies_there_is_no_layer(
    built: BuiltPackage, make_plugin: MakePlugin, manager: DependencyManager, tmp_path: Path
) -> None:
    """And the layer of an earlier build goes."""
    assert built.layer is not None
    root = make_plugin(folder="plain", python="python3.11")
    plain = build_package(root, tmp_path / "out", dependencies=manager)
    assert (plain.layer, plain.layer_sha256, plain.manifest.layer) == (None, "", None)
    assert not built.layer.exists()
    assert Inspector().inspect(plain.package, None).dependencies == ()


class TestAnExistingLock:
    def lock_of(self, built: BuiltPackage) -> str:
        with zipfile.ZipFile(built.package) as archive:
            return archive.read("pylock.toml").decode()

    def test_it_is_used_while_it_answers(
        self, built: BuiltPackage, make_wheel: MakeWheel, manager: DependencyManager, tmp_path: Path
    ) -> None:
        (tmp_path / "plugin/pylock.toml").write_text(self.lock_of(built))
        make_wheel("alpha", "1.1")
        again = build_package(tmp_path / "plugin", tmp_path / "out", dependencies=manager)
        assert again.package_sha256 == built.package_sha256

    def test_it_is_made_anew_when_the_manifest_asks_for_something_else(
        self,
        built: BuiltPackage,
        make_wheel: MakeWheel,
        make_plugin: MakePlugin,
        manager: DependencyManager,
        tmp_path: Path,
    ) -> None:
        make_wheel("alpha", "1.1")
        root = make_plugin({"alpha": ">=1.1"}, files={"pylock.toml": self.lock_of(built)}, python="python3.11")
        again = build_package(root, tmp_path / "out", dependencies=manager)
        assert [row.version for row in again.dependencies] == ["1.1"]

    def test_a_broken_one_is_an_error_and_not_ignored(
        self, built: BuiltPackage, manager: DependencyManager, tmp_path: Path
    ) -> None:
        (tmp_path / "plugin/pylock.toml").write_text("lock-version = ")
        with pytest.raises(InvalidInputError) as caught:
            build_package(tmp_path / "plugin", tmp_path / "out", dependencies=manager)
        assert caught.value.code == "lock-invalid"


def test_a_layer_damaged_in_the_cache_is_made_anew(
    built: BuiltPackage, manager: DependencyManager, tmp_path: Path
) -> None:
    (cached,) = (tmp_path / "cache/layers").glob("*.zip")
    data = bytearray(cached.read_bytes())
    data[100] ^= 1
    cached.write_bytes(data)
    again = build_package(tmp_path / "plugin", tmp_path / "out", dependencies=manager)
    assert again.layer is not None
    assert again.layer_sha256 == built.layer_sha256
    assert Inspector().inspect(again.package, again.layer)


def test_findings_are_raised_all_at_once(
    make_plugin: MakePlugin, manager: DependencyManager, tmp_path: Path
) -> None:
    root = make_plugin({"alpha": "latest", "b c": "*"}, email="no")
    with pytest.raises(FindingsError) as caught:
        build_package(root, tmp_path / "out", dependencies=manager)
    assert len(caught.value.details["findings"]) >= 1
    assert not (tmp_path / "out").exists()


def test_an_entry_point_that_is_left_out_is_an_error(
    make_plugin: MakePlugin, manager: DependencyManager, tmp_path: Path
) -> None:
    root = make_plugin(entry_point="dist/app.py")
    (root / "dist").mkdir()
    (root / "main.py").rename(root / "dist/app.py")
    with pytest.raises(InvalidInputError) as caught:
        build_package(root, tmp_path / "out", dependencies=manager)
    assert caught.value.code == "entry-point-left-out"


def test_what_a_package_brings_under_another_name_is_known_once_it_is_built(
    make_wheel: MakeWheel, make_plugin: MakePlugin, manager: DependencyManager, tmp_path: Path
) -> None:
    make_wheel("beta")
    make_wheel("alpha", files={"alphalib/__init__.py": b""}, requires=["beta"])
    packages = {"alpha": "^1"}
    root = make_plugin(packages, files={"more.py": "import alphalib\n"}, python="python3.11")
    assert build_package(root, tmp_path / "out", dependencies=manager).findings == ()
    (root / "more.py").write_text("import alphalib\nimport beta\n")
    with pytest.raises(FindingsError) as caught:
        build_package(root, tmp_path / "out", dependencies=manager)
    (finding,) = caught.value.details["findings"]
    assert (finding["code"], finding["file"], finding["line"]) == ("import-undeclared", "more.py", 2)
    assert 'add "beta": "*"' in finding["fix"]


class TestInspect:
    def test_an_honest_package_passes(self, built: BuiltPackage) -> None:
        found = Inspector().inspect(built.package, built.layer)
        assert found.manifest == built.manifest
        assert (found.package_sha256, found.layer_sha256) == (built.package_sha256, built.layer_sha256)
        assert found.unzipped_bytes == built.unzipped_bytes
        assert (found.package_size_bytes, found.layer_size_bytes) == (
            built.package_size_bytes,
            built.layer_size_bytes,
        )
        assert [(one["name"], one["version"], one["spec"]) for one in found.dependencies] == [
            ("alpha", "1.0", "^1"),
            ("beta", "1.0", ""),
        ]
        assert found.dependencies[0]["license"] == "MIT"

    def test_what_an_author_allows_comes_with_the_package(
        self, make_plugin: MakePlugin, manager: DependencyManager, tmp_path: Path
    ) -> None:
        code = "import socket  # services-ai: allow socket - the label printer speaks nothing else\n"
        root = make_plugin({}, files={"printer.py": code}, python="python3.11")
        package = build_package(root, tmp_path / "out", dependencies=manager).package
        (finding,) = Inspector().inspect(package, None).findings
        assert (finding.file, finding.line, str(finding.severity)) == ("printer.py", 1, "warning")
        assert "the label printer speaks nothing else" in finding.message

    def codes(self, package: Path, layer: Path | None) -> set[str]:
        with pytest.raises(ServicesAIError) as caught:
            Inspector().inspect(package, layer)
        found = {finding["code"] for finding in caught.value.details.get("findings", [])}
        return found or {caught.value.code}

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("hooks", [], "manifest-differs"),
            ("hooks", [{"name": "lead_created"}, {"name": "lead_updated"}], "hook-not-implemented"),
            ("id", None, "manifest-differs"),
            ("python", None, "manifest-incomplete"),
            ("python", "python3.12", "lock-target"),
            ("layer", None, "layer-missing"),
            ("dependencies", {"packages": {}}, "lock-stale"),
            ("dependencies", {"packages": {"alpha": "^2"}}, "lock-stale"),
            ("dependencies", {"packages": {"alpha": "^1", "gamma": "*"}}, "lock-stale"),
            ("version", "../../x", "manifest-invalid"),
            ("id", "../x", "manifest-invalid"),
        ],
    )
    def test_a_manifest_that_does_not_tell_the_truth(
        self, built: BuiltPackage, rezip: Rezip, field: str, value: Any, code: str
    ) -> None:
        with zipfile.ZipFile(built.package) as archive:
            manifest = json.loads(archive.read("manifest.json"))
        manifest[field] = value
        built.package.write_bytes(rezip(built.package, {"manifest.json": json.dumps(manifest).encode()}))
        assert code in self.codes(built.package, built.layer)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"manifest.json": None}, "package-incomplete"),
            ({"pylock.toml": None}, "package-incomplete"),
            ({"manifest.json": b"\xef\xbb\xbf{}"}, "json-bom"),
            ({"manifest.json": b'{"name": NaN}'}, "json-nan"),
            ({"manifest.json": b"[]"}, "manifest-invalid"),
            ({"manifest.json": b" " * 2_000_000}, "manifest-too-large"),
            ({"pylock.toml": b"x"}, "lock-invalid"),
            ({"pylock.toml": b'a = "' + b"x" * 5_000_000 + b'"'}, "lock-invalid"),
            ({"main.py": b"def ("}, "source-syntax"),
            ({"main.py": None}, "entry-point-missing"),
            ({"services_ai_sdk/plugin/handler.py": b""}, "package-invalid"),
            ({"services_ai_sdk.py": b""}, "package-invalid"),
            ({"services_ai_sdk.cpython-311-x86_64-linux-gnu.so": b""}, "package-invalid"),
            ({"main.pyc": b"x"}, "package-invalid"),
            ({"more.py": b"import socket\n"}, "import-refused"),
            ({"more.py": b"import socket  # services-ai: allow socket\n"}, "waiver-without-reason"),
            ({"json.py": b""}, "module-hides"),
            ({"queue/__init__.py": b""}, "module-hides"),
            ({"json.abi3.so": b""}, "module-hides"),
            ({"awslambdaric/__init__.py": b""}, "module-hides"),
            ({"sitecustomize.py": b""}, "module-hides"),
            ({"usercustomize.py": b""}, "module-hides"),
            ({"lib/start.pth": b"import os"}, "module-hides"),
        ],
    )
    def test_a_package_with_other_content(
        self, built: BuiltPackage, rezip: Rezip, changes: dict[str, bytes | None], code: str
    ) -> None:
        built.package.write_bytes(rezip(built.package, changes))
        assert code in self.codes(built.package, built.layer)

    def test_a_lock_that_points_into_the_reader_s_disk(self, built: BuiltPackage, rezip: Rezip) -> None:
        with zipfile.ZipFile(built.package) as archive:
            lock = archive.read("pylock.toml").decode()
        changed = lock.replace(
            'path = "alpha-1.0-py3-none-any.whl"', 'url = "file:///etc/alpha-1.0-py3-none-any.whl"'
        )
        assert changed != lock
        built.package.write_bytes(rezip(built.package, {"pylock.toml": changed.encode()}))
        assert self.codes(built.package, built.layer) == {"lock-local-file"}

    def test_a_missing_or_surplus_layer(
        self, built: BuiltPackage, make_plugin: MakePlugin, tmp_path: Path
    ) -> None:
        assert self.codes(built.package, None) == {"layer-missing"}
        assert self.codes(built.package, tmp_path / "gone.zip") == {"archive-unreadable"}
        assert self.codes(tmp_path, built.layer) == {"archive-unreadable"}
        plain = build_package(make_plugin(folder="plain"), tmp_path / "plain-out")
        assert self.codes(plain.package, built.layer) >= {"layer-unexpected"}

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"python/alpha/data.txt": b"other"}, "layer-differs"),
            ({"python/evil.py": b""}, "layer-differs"),
            ({"outside.py": b""}, "layer-invalid"),
            ({"python/services_ai_sdk/x.py": b""}, "layer-invalid"),
            ({"python/services_ai_sdk.abi3.so": b""}, "layer-invalid"),
            ({"python/sitecustomize.py": b""}, "layer-invalid"),
            ({"python/usercustomize/__init__.py": b""}, "layer-invalid"),
            ({"python/__pycache__/alpha.pyc": b""}, "layer-invalid"),
            ({"python/alpha/__init__.pyc": b""}, "layer-invalid"),
        ],
    )
    def test_a_layer_that_is_not_the_one(
        self, built: BuiltPackage, rezip: Rezip, changes: dict[str, bytes | None], code: str
    ) -> None:
        assert built.layer is not None
        built.layer.write_bytes(rezip(built.layer, changes))
        assert code in self.codes(built.package, built.layer)

    def test_a_layer_whose_digest_was_written_into_the_manifest_still_has_to_match_the_lock(
        self, built: BuiltPackage, rezip: Rezip, digest: Callable[[Path], str], manager: DependencyManager
    ) -> None:
        """Layer and digest changed alike: `inspect` sees other packages, `verify` sees other bytes."""
        assert built.layer is not None

        def state_digest() -> None:
            assert built.layer is not None
            with zipfile.ZipFile(built.package) as archive:
                manifest = json.loads(archive.read("manifest.json"))
            sizes = {"size_bytes": built.layer.stat().st_size, "unzipped_bytes": sum(entry_sizes(built.layer))}
            manifest["layer"] = {"sha256": digest(built.layer), **sizes}
            built.package.write_bytes(rezip(built.package, {"manifest.json": json.dumps(manifest).encode()}))

        verify(built.package, built.layer, manager)
        built.layer.write_bytes(rezip(built.layer, {"python/alpha/__init__.py": b"import os"}))
        state_digest()
        Inspector().inspect(built.package, built.layer)
        with pytest.raises(FindingsError) as caught:
            verify(built.package, built.layer, manager)
        assert caught.value.code == "layer-not-reproduced"
        info = "python/gamma-1.0.dist-info/METADATA"
        with zipfile.ZipFile(built.layer, "a") as archive:
            archive.writestr(info, b"Name: gamma")
        state_digest()
        assert self.codes(built.package, built.layer) == {"layer-differs"}

    @pytest.mark.parametrize("which", ["package", "layer"])
    def test_unsafe_zips_leave_nothing_behind(
        self, built: BuiltPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
    ) -> None:
        holder = tmp_path / "temporary"
        holder.mkdir()
        path = built.package if which == "package" else built.layer
        assert path is not None
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("../../evil.py", b"")
        monkeypatch.setattr("tempfile.tempdir", str(holder))
        assert self.codes(built.package, built.layer) == {"archive-traversal"}
        assert list(holder.iterdir()) == []
