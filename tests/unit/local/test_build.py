"""The folders that template.yaml names: what is in them, the same bytes each time, importable alone."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra import build as building
from infra.archive import files_below, zip_folder
from infra.build import ROOT, Built, build
from infra.runtime_layer import build as runtime_layer


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    return build(out=tmp_path_factory.mktemp("build"))


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in files_below(folder)}


def test_builds_what_the_template_names(built: dict[str, Built]) -> None:
    template = (ROOT / "template.yaml").read_text()
    named = {
        line.split(": ")[1] for line in template.splitlines() if line.strip().startswith(("CodeUri", "ContentUri"))
    }
    assert named == set(built)


def test_a_function_carries_its_own_folder_only(built: dict[str, Built]) -> None:
    found = names(built["build/functions/recorder"].folder)
    assert "functions/__init__.py" in found
    assert {name.split("/")[1] for name in found if name.startswith("functions/") and name.count("/") > 1} == {
        "recorder"
    }
    assert not any(name.startswith("control_plane/cli/") for name in found)
    assert {name.split("/")[1] for name in found if name.startswith("services_ai_sdk/")} == {
        "__init__.py",
        "wire",
        "hooks",
    }
    assert any(name.startswith("aws_lambda_powertools/") for name in found)
    assert not any(name.startswith(("boto3/", "botocore/")) for name in found)


def test_nothing_in_it_depends_on_a_machine(built: dict[str, Built]) -> None:
    for one in built.values():
        for path in files_below(one.folder):
            assert path.suffix not in (".so", ".pyc"), path
            assert str(ROOT).encode() not in path.read_bytes(), path


def test_wheels_are_pure(built: dict[str, Built]) -> None:
    tags = [path.read_text() for path in built["build/functions/dispatcher"].folder.glob("*.dist-info/WHEEL")]
    assert tags
    assert all("Root-Is-Purelib: true" in text for text in tags)


def test_the_same_inputs_give_the_same_bytes(built: dict[str, Built], tmp_path: Path) -> None:
    again = build(out=tmp_path)
    for folder, one in built.items():
        assert again[folder].archive.read_bytes() == one.archive.read_bytes(), folder


def test_nothing_changed_nothing_built(built: dict[str, Built]) -> None:
    said: list[str] = []
    out = built["build/runtime-layer"].folder.parent
    build(out=out, progress=said.append)
    assert said == []
    (out / "functions" / "recorder").rename(out / "functions" / "moved")
    build(out=out, progress=said.append)
    assert said == ["building the recorder function"]


def test_a_changed_source_is_built(tmp_path: Path) -> None:
    sdk = tmp_path / "sdk" / "services_ai_sdk"
    for name in ("__init__.py", "wire/__init__.py", "plugin/__init__.py", "hooks/__init__.py"):
        (sdk / name).parent.mkdir(parents=True, exist_ok=True)
        (sdk / name).write_text("x = 1\n")
    before = building.digest_of(runtime_layer.sources(sdk), sdk)
    (sdk / "wire/__init__.py").write_text("x = 2\n")
    assert building.digest_of(runtime_layer.sources(sdk), sdk) != before


def test_a_zip_is_the_same_for_other_times_and_modes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    before = zip_folder(tmp_path)
    (tmp_path / "a.py").chmod(0o600)
    import os

    os.utime(tmp_path / "a.py", (1, 1))
    assert zip_folder(tmp_path) == before


def test_the_runtime_layer_is_exactly_this(built: dict[str, Built]) -> None:
    archive = zipfile.ZipFile(built["build/runtime-layer"].archive)
    found = set(archive.namelist())
    assert all(name.startswith("python/services_ai_sdk/") and name.endswith(".py") for name in found)
    tops = {name.split("/")[2] for name in found}
    assert tops == {"__init__.py", "wire", "plugin", "hooks"}


IMPORT_ALL = """
import importlib, pkgutil, sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
import services_ai_sdk
for module in pkgutil.walk_packages(services_ai_sdk.__path__, "services_ai_sdk."):
    importlib.import_module(module.name)
ours = [name for name in sys.modules if name.partition(".")[0] == "services_ai_sdk"]
tops = {name.partition(".")[0] for name in set(sys.modules) - before}
foreign = tops - set(sys.stdlib_module_names) - {"services_ai_sdk"}
assert not foreign, foreign
assert len(ours) > 10, ours
"""


def test_the_runtime_layer_needs_the_standard_library_only(built: dict[str, Built]) -> None:
    path = built["build/runtime-layer"].folder / "python"
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT_ALL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", building.FUNCTIONS)
def test_a_function_imports_with_boto3_and_nothing_else(
    built: dict[str, Built], name: str, tmp_path: Path
) -> None:
    """Lambda's runtime has boto3; everything else has to be in the folder."""
    import boto3

    site = Path(boto3.__file__).parents[1]
    for package in ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six.py"):
        (tmp_path / package).symlink_to(site / package)
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        f"import functions.{name}.handler as handler\n"
        "assert callable(handler.handle)\n"
        "files = [getattr(m, '__file__', '') or '' for m in sys.modules.values()]\n"
        "outside = [file for file in files if 'site-packages' in file]\n"
        "assert not outside, outside\n"
    )
    environment = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "SERVICES_AI_TABLE": "t",
        "SERVICES_AI_OUTCOMES_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
        "SERVICES_AI_BUCKET": "b",
        "SERVICES_AI_ALERTS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:t",
        "SERVICES_AI_FRESHNESS_S": "1",
        "SERVICES_AI_FOLD_WINDOW_S": "1",
        "POWERTOOLS_SERVICE_NAME": name,
        "POWERTOOLS_METRICS_NAMESPACE": "ServicesAI",
    }
    folder = built[f"build/functions/{name}"].folder
    command = [sys.executable, "-I", "-S", "-B", "-c", code, str(folder), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
