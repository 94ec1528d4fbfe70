"""When uv finds no wheel: which versions and Pythons have one, or that there is only source."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services_ai_sdk.bundler.dependencies import DependencyManager
from services_ai_sdk.bundler.fetch import WheelStore
from services_ai_sdk.bundler.index_settings import IndexSettings
from services_ai_sdk.bundler.layer import LayerBuilder
from services_ai_sdk.bundler.resolve import UvResolver, find_uv
from services_ai_sdk.bundler.survey import WheelSurvey, without_wheels
from services_ai_sdk.bundler.target import target_for
from services_ai_sdk.manifest.specs import requirements
from services_ai_sdk.wire.errors import FindingsError

MakeWheel = Callable[..., Path]
OF = "{0}-{0}-manylinux2014_x86_64"


@pytest.fixture
def manager(tmp_path: Path, offline_environment: dict[str, str]) -> DependencyManager:
    """For x86-64, whatever this machine is."""
    (tmp_path / "wheels").mkdir(exist_ok=True)
    settings = IndexSettings(offline_environment)
    layers = LayerBuilder(tmp_path / "layers", WheelStore(tmp_path / "store", settings))
    here = ["python3.11"]
    return DependencyManager(UvResolver(find_uv(), settings), layers, runtimes_here=lambda: here, machine="x86_64")


def refused(
    manager: DependencyManager, packages: dict[str, str], python: str | None = "python3.12"
) -> FindingsError:
    with pytest.raises(FindingsError) as caught:
        manager.resolve(packages, python)
    assert caught.value.code == "dependencies-unresolvable"
    assert "No solution found" in caught.value.message  # uv's own words stay
    return caught.value


def said(error: FindingsError) -> list[str]:
    return [line.strip() for line in error.message.partition("Wheels that there are:")[2].splitlines() if line]


def test_the_pythons_and_versions_that_have_wheels_are_named(
    make_wheel: MakeWheel, manager: DependencyManager
) -> None:
    make_wheel("alpha", "1.0", tag=OF.format("cp311"))
    make_wheel("alpha", "1.5", tag=OF.format("cp311"))
    for version in ("2.1", "2.2", "3.0"):
        make_wheel("alpha", version, tag=OF.format("cp312"))
    make_wheel("alpha", "3.0", tag=OF.format("cp313"))
    error = refused(manager, {"alpha": "^1"})
    assert said(error) == [
        "alpha >=1, <2: 1.5 for python3.11",
        "alpha, any version: 2.1 to 3.0 for python3.12; 1.5 for python3.11, 3.0 for python3.13",
    ]
    assert error.hint == (
        'set "python": "python3.11" in the manifest, or take another version of alpha: 2.1 to 3.0 for python3.12'
    )
    assert error.details["wheels"][0]["fitting"] == {"python3.11": "1.5"}


def test_a_package_for_other_pythons_only(make_wheel: MakeWheel, manager: DependencyManager) -> None:
    make_wheel("alpha", tag=OF.format("cp313"))
    error = refused(manager, {"alpha": "*"})
    assert said(error) == ["alpha, any version: none for python3.12; 1.0 for python3.13"]
    assert error.hint == 'set "python": "python3.13" in the manifest'


def test_a_python_is_named_only_if_it_has_wheels_of_all(make_wheel: MakeWheel, manager: DependencyManager) -> None:
    make_wheel("alpha", tag=OF.format("cp311"))
    make_wheel("beta", tag=OF.format("cp313"))
    error = refused(manager, {"alpha": "*", "beta": "*"}, None)
    assert '"python"' not in error.hint


def test_a_wheel_for_another_system(make_wheel: MakeWheel, manager: DependencyManager) -> None:
    make_wheel("alpha", tag="cp312-cp312-win_amd64")
    error = refused(manager, {"alpha": "*"})
    assert said(error) == ["alpha: wheels for Windows only"]
    assert "plugins run on Linux" in error.hint


def test_a_wheel_for_an_old_python(make_wheel: MakeWheel, manager: DependencyManager) -> None:
    make_wheel("alpha", tag="py2-none-any")
    error = refused(manager, {"alpha": "*"})
    assert said(error) == ["alpha: wheels for other Pythons only"]
    assert error.hint == "take another package than alpha"


def sdist(folder: Path, name: str, marker: Path, requires: str = "") -> None:
    """Source whose setup.py leaves a trace when anybody runs it."""
    setup = f"open({str(marker)!r}, 'w').write('ran')\nfrom setuptools import setup\nsetup()\n"
    info = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}"
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for file, text in {"setup.py": setup, "PKG-INFO": info, f"{name}.py": ""}.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{file}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


@pytest.mark.parametrize("depth", ["declared", "brought"])
def test_source_only_is_said_and_never_run(
    make_wheel: MakeWheel, manager: DependencyManager, tmp_path: Path, depth: str
) -> None:
    make_wheel("above", requires=["raw"])
    sdist(tmp_path / "wheels", "raw", tmp_path / "ran")
    error = refused(manager, {"raw": "*"} if depth == "declared" else {"above": "*"})
    assert said(error) == ["raw: no version has a wheel; there is only its source"]
    assert "raw is published as source only" in error.hint
    assert "pip wheel --no-deps -w ../wheels raw" in error.hint
    assert error.details["wheels"][0]["source_only"] is True
    assert not (tmp_path / "ran").exists()


def test_a_wheel_that_is_only_mentioned_is_not_blamed(
    make_wheel: MakeWheel, manager: DependencyManager, tmp_path: Path
) -> None:
    make_wheel("alpha", "0.9", tag=OF.format("cp39"))
    make_wheel("alpha", "1.0", requires=["beta<2"])
    make_wheel("beta", "1.0")
    make_wheel("beta", "2.0")
    error = refused(manager, {"alpha": "*", "beta": "^2"})
    assert "no wheels" in error.message
    assert error.hint.startswith("loosen one of the version specs")


class TestWhenNobodyAnswers:
    SAID = "No solution found when resolving dependencies\\n  Because all versions of alpha have no usable wheels"

    def error(self, uv: Path, timeout_s: float) -> tuple[FindingsError, FindingsError, float]:
        resolver = UvResolver(uv, IndexSettings({"PATH": os.environ["PATH"]}))
        wanted, target = requirements({"alpha": "*"}), target_for("python3.11")
        with pytest.raises(FindingsError) as caught:
            resolver.resolve(wanted, target)
        began = time.monotonic()
        explained = WheelSurvey(resolver, timeout_s=timeout_s).explain(caught.value, wanted, [target])
        return caught.value, explained, time.monotonic() - began

    @pytest.mark.parametrize("then", ["time.sleep(600)", "sys.exit('error sending request')", "sys.exit(101)"])
    def test_the_refusal_stays_as_it_was(self, tmp_path: Path, then: str) -> None:
        uv = tmp_path / "fake-uv"
        first = f"'--no-deps' not in sys.argv and sys.exit('{self.SAID}')"
        uv.write_text(f"#!{sys.executable} -IS\nimport sys, time\n{first}\n{then}\n")
        uv.chmod(0o755)
        before, after, took_s = self.error(uv, timeout_s=0.5)
        assert after is before
        assert took_s < 5


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Because all versions of docopt have no usable wheels and you require docopt", ["docopt"]),
        ("Because pandas>=1.5.0,<=1.5.3 has no usable wheels and only the following", ["pandas"]),
        ("Because all of:\n    hdfs<=2.5.2\n    hdfs>=2.5.4,<=2.5.8\n  have no usable wheels", ["hdfs"]),
        ("Because Zope_Interface==5.0 has no wheels with a matching Python ABI tag", ["zope-interface"]),
        ("hint: Wheels are available for `pywin32` (v312) on the following platforms", ["pywin32"]),
        ("Because six<=1.17.0 is available and you require six>=9", []),
        ("", []),
    ],
)
def test_packages_without_wheels_are_read_from_uv_s_words(text: str, names: list[str]) -> None:
    assert list(without_wheels(text)) == names
