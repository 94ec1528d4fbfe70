from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services_ai_sdk.bundler import layer_size
from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.bundler.dependencies import DependencyManager, DependencyStatus, records
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, PlatformError

MakeWheel = Callable[..., Path]
PYTHON = "python3.11"


def content(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_wheel_s_files_go_where_an_installer_puts_them(
    make_wheel: MakeWheel, manager: DependencyManager
) -> None:
    make_wheel(
        "alpha",
        files={
            "alpha/data.txt": b"data",
            "alpha/__pycache__/x.cpython-311.pyc": b"bytecode",
            "alpha/with_source.pyc": b"bytecode",
            "alpha/with_source.py": b"",
            "alpha/only_bytecode.pyc": b"kept",
            "alpha-1.0.data/purelib/beside.py": b"beside = 1",
            "alpha-1.0.data/platlib/native.cpython-311-x86_64-linux-gnu.so": b"elf",
            "alpha-1.0.data/scripts/tool": b"#!python",
            "alpha-1.0.data/data/share/x.txt": b"shared",
            "alpha-1.0.data/headers/alpha.h": b"left out",
            "alpha-1.0.dist-info/INSTALLER": b"pip",
            "alpha-1.0.dist-info/direct_url.json": b"{}",
            "alpha-1.0.dist-info/entry_points.txt": b"[x]\na=alpha",
        },
        executable=["alpha-1.0.data/scripts/tool"],
    )
    built = manager.layer(manager.resolve({"alpha": "*"}, PYTHON))
    assert built is not None
    files = content(built.path)
    assert set(files) == {
        "python/alpha/__init__.py",
        "python/alpha/data.txt",
        "python/alpha/with_source.py",
        "python/alpha/only_bytecode.pyc",
        "python/beside.py",
        "python/native.cpython-311-x86_64-linux-gnu.so",
        "python/bin/tool",
        "python/share/x.txt",
        "python/alpha-1.0.dist-info/METADATA",
        "python/alpha-1.0.dist-info/WHEEL",
        "python/alpha-1.0.dist-info/RECORD",
        "python/alpha-1.0.dist-info/entry_points.txt",
    }
    with zipfile.ZipFile(built.path) as archive:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    assert modes.pop("python/bin/tool") == 0o755
    assert set(modes.values()) == {0o644}  # though the wheel says 0664
    (package,) = built.packages
    assert package.import_names == ("alpha", "beside", "native")
    assert (package.license, package.size_bytes) == ("MIT", built.unzipped_bytes)


def test_metadata_and_entry_points_work_from_a_layer(
    make_wheel: MakeWheel, manager: DependencyManager, tmp_path: Path
) -> None:
    """On an interpreter that sees the standard library and the layer alone, as importlib.metadata reads it."""
    make_wheel("beta")
    make_wheel(
        "alpha",
        files={
            "alpha/__init__.py": b"def run(): return 'ran'\n",
            "alpha/with, comma.txt": b"x",
            "alpha/__pycache__/x.cpython-311.pyc": b"bytecode",
            "alpha-1.0.data/purelib/beside.py": b"",
            "alpha-1.0.data/scripts/tool": b"#!python",
            "alpha-1.0.data/headers/alpha.h": b"left out",
            "alpha-1.0.dist-info/licenses/LICENSE": b"MIT",
            "alpha-1.0.dist-info/entry_points.txt": (
                b"[console_scripts]\nalpha = alpha:run\n[plugins.of.host]\nfirst = alpha:run\n"
            ),
        },
        requires=["beta>=1"],
    )
    built = manager.layer(manager.resolve({"alpha": "*"}, PYTHON))
    assert built is not None
    with Archive(built.path) as archive:
        archive.extract(tmp_path / "opt")
    code = """
import importlib.metadata as m, json
print(json.dumps({
    "version": m.version("Alpha"), "requires": m.requires("alpha"), "license": m.metadata("alpha")["License"],
    "scripts": [e.load()() for e in m.entry_points(group="console_scripts")],
    "plugins": [(e.name, e.load()()) for e in m.entry_points(group="plugins.of.host")],
    "files": sorted(str(f) for f in m.files("alpha")),
    "missing": [str(f) for f in m.files("alpha") if not f.locate().exists()],
    "names": {k: v for k, v in m.packages_distributions().items() if k in ("alpha", "beside", "alpha-1.0.data")},
    "all": sorted(d.name for d in m.distributions()),
}))"""
    script = f"import sys; sys.path.append({str(tmp_path / 'opt/python')!r})\n{code}"
    command = [sys.executable, "-I", "-S", "-B", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    info = "alpha-1.0.dist-info"
    assert json.loads(done.stdout) == {
        "version": "1.0",
        "requires": ["beta>=1"],
        "license": "MIT",
        "scripts": ["ran"],
        "plugins": [["first", "ran"]],
        "files": sorted(
            [
                *("alpha/__init__.py", "alpha/with, comma.txt", "beside.py", "bin/tool"),
                *(
                    f"{info}/{name}"
                    for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
                ),
            ]
        ),
        "missing": [],
        "names": {"alpha": ["alpha"], "beside": ["alpha"]},
        "all": ["alpha", "beta"],
    }


def test_the_same_lock_gives_the_same_layer_and_the_second_costs_nothing(
    make_wheel: MakeWheel, manager: DependencyManager, tmp_path: Path
) -> None:
    make_wheel("beta")
    make_wheel("alpha", requires=["beta"])
    lock = manager.resolve({"alpha": "*"}, PYTHON)
    assert [wheel.name for wheel in lock.wheels] == ["alpha", "beta"]
    first = manager.layer(lock)
    for path in (tmp_path / "wheels").iterdir():
        path.unlink()
    second = manager.layer(lock)
    assert first is not None
    assert second is not None
    assert (first.cached, second.cached) == (False, True)
    assert (second.sha256, second.packages) == (first.sha256, first.packages)
    assert manager.rebuild(lock, tmp_path / "again.zip").sha256 == first.sha256
    assert (tmp_path / "again.zip").read_bytes() == first.path.read_bytes()


@pytest.mark.parametrize("damage", ["facts", "layer", "wheel"])
def test_a_damaged_cache_is_made_anew(
    make_wheel: MakeWheel, manager: DependencyManager, tmp_path: Path, damage: str
) -> None:
    make_wheel("alpha")
    lock = manager.resolve({"alpha": "*"}, PYTHON)
    first = manager.layer(lock)
    assert first is not None
    if damage == "facts":
        first.path.with_suffix(".json").write_text('{"half')
    else:
        first.path.unlink()
    if damage == "wheel":
        (wheel,) = (tmp_path / "cache/wheels").rglob("*.whl")
        wheel.write_bytes(b"damaged")
    again = manager.layer(lock)
    assert again is not None
    assert (again.sha256, again.cached) == (first.sha256, False)


def test_a_file_that_two_packages_bring(make_wheel: MakeWheel, manager: DependencyManager) -> None:
    shared = {"shared/__init__.py": b"# same", "tests/conftest.py": b"a"}
    make_wheel("alpha", files=shared)
    make_wheel("beta", files=shared | {"tests/conftest.py": b"b"})
    built = manager.layer(manager.resolve({"alpha": "*", "beta": "*"}, PYTHON))
    assert built is not None
    assert content(built.path)["python/tests/conftest.py"] == b"a"
    assert built.warnings == ("alpha and beta both bring tests/conftest.py; that of alpha is used",)


@pytest.mark.parametrize(("python", "warned"), [("python3.12", ["enum", "telnetlib"]), ("python3.13", ["enum"])])
def test_a_package_that_hides_a_module_of_python_is_warned_of(
    make_wheel: MakeWheel, manager: DependencyManager, python: str, warned: list[str]
) -> None:
    make_wheel("alpha", files={"enum/__init__.py": b""})
    make_wheel("beta", files={"telnetlib.py": b"", "tests/x.py": b""})
    built = manager.layer(manager.resolve({"alpha": "*", "beta": "*"}, python))
    assert built is not None
    assert [warning.split()[2].rstrip(",") for warning in built.warnings] == warned
    assert all("part of Python" in warning for warning in built.warnings)


def test_names_that_collide_between_packages_are_refused(
    make_wheel: MakeWheel, manager: DependencyManager
) -> None:
    make_wheel("alpha", files={"shared/data.txt": b""})
    make_wheel("beta", files={"shared/DATA.txt": b""})
    lock = manager.resolve({"alpha": "*", "beta": "*"}, PYTHON)
    with pytest.raises(InvalidInputError) as caught:
        manager.layer(lock)
    assert caught.value.code == "layer-collision"


def test_too_much_is_refused_with_a_table_of_the_biggest(
    make_wheel: MakeWheel, manager: DependencyManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel("alpha", files={"alpha/big.bin": b"x" * 4000})
    make_wheel("beta", files={"beta/small.bin": b"x" * 40})
    lock = manager.resolve({"alpha": "*", "beta": "*"}, PYTHON)
    monkeypatch.setattr(layer_size, "UNZIPPED_MAX_BYTES", 3000)
    with pytest.raises(FindingsError) as caught:
        manager.layer(lock)
    assert caught.value.code == "layer-too-large"
    assert [row["name"] for row in caught.value.details["packages"]] == ["alpha", "beta"]
    assert caught.value.message.index("alpha 1.0") < caught.value.message.index("beta 1.0")


def test_the_table_says_which_declared_dependency_brings_each(
    make_wheel: MakeWheel, manager: DependencyManager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Through extras and markers too, and not through those that do not apply."""
    make_wheel("deep", files={"deep/big.bin": b"x" * 9000})
    make_wheel("mid", files={"mid/big.bin": b"x" * 7000}, requires=["deep"])
    make_wheel(
        "alpha",
        files={"alpha/big.bin": b"x" * 5000},
        requires=["mid; extra == 'more'", "beta; python_version < '3'", "deep; extra == 'other'"],
    )
    make_wheel("beta", files={"beta/big.bin": b"x" * 3000}, requires=["deep"])
    packages = {"alpha[more]": "*", "beta": "*", "gone": "*; python_version < '3'"}
    lock = manager.resolve(packages, PYTHON)
    monkeypatch.setattr(layer_size, "UNZIPPED_MAX_BYTES", 3000)
    with pytest.raises(FindingsError) as caught:
        manager.layer(lock)
    assert {row["name"]: row["brought_by"] for row in caught.value.details["packages"]} == {
        "deep": ["alpha", "beta"],
        "mid": ["alpha"],
        "alpha": ["alpha"],
        "beta": ["beta"],
    }
    table = [line.split(maxsplit=4) for line in caught.value.message.splitlines()[1:]]
    assert [(row[2], row[4]) for row in table] == [
        ("deep", "brought by alpha, beta"),
        ("mid", "brought by alpha"),
        ("alpha", "declared"),
        ("beta", "declared"),
    ]
    with pytest.raises(FindingsError) as foreign:
        manager.rebuild(replace(lock, requirements=None), tmp_path / "layer.zip")
    assert [row["brought_by"] for row in foreign.value.details["packages"]][:2] == [["beta", "mid"], ["mid"]]


def test_what_is_too_large_while_zipped_is_not_downloaded(
    make_wheel: MakeWheel, manager: DependencyManager, tmp_path: Path
) -> None:
    make_wheel("deep")
    make_wheel("mid", requires=["deep"])
    make_wheel("alpha", requires=["mid"])
    lock = manager.resolve({"alpha": "*", "deep": "*"}, PYTHON)
    big = replace(lock, wheels=tuple(replace(wheel, size_bytes=100_000_000) for wheel in lock.wheels))
    with pytest.raises(FindingsError) as caught:
        manager.layer(big)
    assert caught.value.code == "layer-too-large"
    assert "300.0 MB while still zipped" in caught.value.message
    assert {row["name"]: row["brought_by"] for row in caught.value.details["packages"]} == {
        "alpha": ["alpha"],
        "deep": ["alpha", "deep"],
        "mid": ["alpha"],
    }
    assert "declared, and brought by alpha" in caught.value.message
    with pytest.raises(FindingsError):
        manager.rebuild(big, tmp_path / "layer.zip")
    with pytest.raises(FindingsError) as foreign:
        manager.layer(replace(big, requirements=None))
    assert [row["brought_by"] for row in foreign.value.details["packages"]] == [[], [], []]
    assert not list((tmp_path / "cache").rglob("*.whl"))


class TestWheelsThatAreNotWhatTheySay:
    def test_changed_after_locking(
        self, make_wheel: MakeWheel, manager: DependencyManager, tmp_path: Path
    ) -> None:
        path = make_wheel("alpha")
        lock = manager.resolve({"alpha": "*"}, PYTHON)
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(InvalidInputError) as caught:
            manager.layer(lock)
        assert caught.value.code == "wheel-hash-mismatch"
        assert not list((tmp_path / "cache").rglob("*.whl"))
        assert not list((tmp_path / "cache").rglob("*.zip"))

    def test_gone_after_locking(self, make_wheel: MakeWheel, manager: DependencyManager) -> None:
        path = make_wheel("alpha")
        lock = manager.resolve({"alpha": "*"}, PYTHON)
        path.unlink()
        with pytest.raises(PlatformError) as caught:
            manager.layer(lock)
        assert caught.value.code == "wheel-unavailable"

    @pytest.mark.parametrize(
        ("files", "metadata_name", "code"),
        [
            ({"../evil.py": b""}, "", "archive-traversal"),
            ({"alpha/A.py": b"", "alpha/a.py": b""}, "", "archive-collision"),
            ({"alpha-1.0.data/other/x": b""}, "", "wheel-invalid"),
            ({"alpha-1.0.data/scripts/../../x": b""}, "", "archive-traversal"),
            ({"other-1.0.dist-info/METADATA": b"Name: other"}, "", "wheel-invalid"),
        ],
    )
    def test_unsafe_or_malformed(
        self,
        make_wheel: MakeWheel,
        manager: DependencyManager,
        tmp_path: Path,
        files: dict[str, bytes],
        metadata_name: str,
        code: str,
    ) -> None:
        honest = make_wheel("alpha")
        lock = manager.resolve({"alpha": "*"}, PYTHON)
        make_wheel("alpha", files=files, metadata_name=metadata_name)
        with pytest.raises(InvalidInputError) as caught:
            manager.layer(_as_if_locked(lock, honest))
        assert caught.value.code == code
        assert not list((tmp_path / "cache").rglob("*.zip"))

    def test_another_package_inside(self, make_wheel: MakeWheel, manager: DependencyManager) -> None:
        honest = make_wheel("alpha")
        lock = manager.resolve({"alpha": "*"}, PYTHON)
        make_wheel("alpha", metadata_name="beta")
        with pytest.raises(InvalidInputError) as caught:
            manager.layer(_as_if_locked(lock, honest))
        assert caught.value.code == "wheel-invalid"
        assert "beta" in caught.value.message


def _as_if_locked(lock, wheel):  # type: ignore[no-untyped-def]
    """The lock with the hash that the file has now."""
    import hashlib

    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return replace(lock, wheels=tuple(replace(item, sha256=sha256) for item in lock.wheels))


def test_records_follow_a_dependency_from_pending_to_installed(
    make_wheel: MakeWheel, manager: DependencyManager
) -> None:
    make_wheel("beta")
    make_wheel("alpha", requires=["beta"])
    packages = {"Alpha[x]": "^1"}
    assert [(row.package, row.status) for row in records("p", packages, None, None)] == [
        ("alpha", DependencyStatus.PENDING)
    ]
    (failed,) = records("p", packages, None, None, failed="no wheel")
    assert (failed.status, failed.reason) == (DependencyStatus.FAILED, "no wheel")
    lock = manager.resolve({"alpha": "^1"}, PYTHON)
    alpha, beta = records("p", packages, lock, manager.layer(lock))
    assert (alpha.spec, alpha.version, alpha.license, alpha.status) == (
        "^1",
        "1.0",
        "MIT",
        DependencyStatus.INSTALLED,
    )
    assert (beta.spec, beta.version, beta.status) == ("", "1.0", DependencyStatus.INSTALLED)
    json.dumps(alpha.to_dict())
