"""Real packages from the real index, whichever the person's own settings name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.bundler.dependencies import DependencyManager
from services_ai_sdk.bundler.inspect import Inspector, verify
from services_ai_sdk.bundler.package import BuiltPackage, build_package
from services_ai_sdk.wire.errors import FindingsError

HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
MAIN = """\
from services_ai_sdk import ServicesAIPlugin, hookimpl


class Real(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead, context):
        return None
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def manager(cache: Path) -> DependencyManager:
    return DependencyManager.from_environment(environ={**os.environ, "SERVICES_AI_CACHE": str(cache)})


def package(tmp_path: Path, manager: DependencyManager, packages: dict[str, str], **fields: Any) -> BuiltPackage:
    root = tmp_path / "plugin"
    root.mkdir(parents=True)
    manifest = {"name": "Real", "version": "1.0", "description": "d", "author": "a", "email": "a@example.com"}
    manifest |= {"dependencies": {"packages": packages}} | fields
    (root / "manifest.json").write_text(json.dumps(manifest))
    (root / "main.py").write_text(MAIN)
    return build_package(root, tmp_path / "out", dependencies=manager)


def run_with_layer(built: BuiltPackage, tmp_path: Path, code: str) -> str:
    """Runs code on a bare interpreter that sees the standard library and the layer alone."""
    assert built.layer is not None
    with Archive(built.layer) as archive:
        archive.extract(tmp_path / "opt")
    script = f"import sys; sys.path.append({str(tmp_path / 'opt/python')!r})\n{code}"
    command = [sys.executable, "-I", "-S", "-B", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


def test_small_packages_work_from_the_built_layer(tmp_path: Path, manager: DependencyManager) -> None:
    built = package(tmp_path, manager, {"phonenumbers": "^8.13", "six": "1.x", "idna": ">=3"}, python=HERE)
    code = (
        "import phonenumbers, six, idna, importlib.metadata\n"
        "number = phonenumbers.parse('030 901820', 'DE')\n"
        "print(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), "
        "importlib.metadata.version('six').split('.')[0])"
    )
    assert run_with_layer(built, tmp_path, code) == "+4930901820 1"
    found = Inspector().inspect(built.package, built.layer)
    assert {row["name"]: row["spec"] for row in found.dependencies} == {
        "idna": ">=3",
        "phonenumbers": "^8.13",
        "six": "1.x",
    }
    # What the layer says of its packages is what their wheels said when it was built.
    said = {one.package: (one.size_bytes, one.license, list(one.import_names)) for one in built.dependencies}
    read = {row["name"]: (row["size_bytes"], row["license"], row["import_names"]) for row in found.dependencies}
    assert read == said
    assert read["six"][1:] == ("MIT", ["six"])
    assert built.layer is not None
    verify(built.package, built.layer, manager)


def test_binary_wheels_with_a_caret_work_and_stay_small(tmp_path: Path, manager: DependencyManager) -> None:
    built = package(tmp_path, manager, {"requests": ">=2.28.0", "pandas": "^2.2"}, python=HERE)
    code = "import pandas, requests; print(pandas.DataFrame({'a': [1, 2]}).a.sum(), pandas.__version__[:2])"
    assert run_with_layer(built, tmp_path, code) == "3 2."
    assert built.layer_size_bytes < 50_000_000
    assert built.layer is not None
    with zipfile.ZipFile(built.layer) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pyc") or not name.startswith("python/")]
    again = package(tmp_path / "again", manager, {"requests": ">=2.28.0", "pandas": "^2.2"}, python=HERE)
    assert (again.package_sha256, again.layer_sha256) == (built.package_sha256, built.layer_sha256)
    assert again.cached


def test_the_first_python_that_has_wheels_is_taken(tmp_path: Path, manager: DependencyManager) -> None:
    """pandas 1.5 has none for 3.12 and later."""
    assert package(tmp_path, manager, {"pandas": "^1.5.0"}).manifest.python == "python3.11"


@pytest.mark.parametrize(
    ("packages", "python", "said", "hint"),
    [
        (
            {"pandas": "^1.5.0"},
            "python3.12",
            "pandas >=1.5.0, <2: 1.5.3 for python3.11",
            'set "python": "python3.11"',
        ),
        ({"docopt": "*"}, "python3.11", "no usable wheels", "docopt is published as source only"),
        ({"pywin32": "*"}, "python3.11", "pywin32: wheels for Windows only", "plugins run on Linux"),
        ({"six": "^9"}, "python3.11", "Because only six<=", "loosen"),
        ({"no-such-package-of-ours-at-all": "*"}, "python3.11", "was not found", "check its spelling"),
    ],
)
def test_what_does_not_resolve_is_explained(
    tmp_path: Path, manager: DependencyManager, packages: dict[str, str], python: str, said: str, hint: str
) -> None:
    with pytest.raises(FindingsError) as caught:
        package(tmp_path, manager, packages, python=python)
    assert caught.value.code == "dependencies-unresolvable"
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_honest_wheels_are_taken(tmp_path: Path, manager: DependencyManager) -> None:
    """Wheels by several build tools; pillow and botocore with their many and dense files."""
    names = [
        "pillow",
        "cryptography",
        "lxml",
        "pydantic",
        "botocore",
        "setuptools",
        "pyyaml",
        "orjson",
        "protobuf",
    ]
    built = package(tmp_path, manager, dict.fromkeys(names, "*"), python=HERE)
    imports = {row.package: row.import_names for row in built.dependencies}
    assert "PIL" in imports["pillow"]
    assert "yaml" in imports["pyyaml"]
    assert "google" in imports["protobuf"]
    assert "pydantic_core" in imports["pydantic-core"]
    Inspector().inspect(built.package, built.layer)
    code = "import PIL.Image, cryptography.fernet, lxml.etree, pydantic, botocore, yaml, orjson, google.protobuf"
    run_with_layer(built, tmp_path, code)
