"""SAM CLI reads the template and builds from the prebuilt folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.sam_cli import sam_cli
from infra.build import ROOT, build

pytestmark = pytest.mark.sam


@pytest.fixture(scope="session")
def sam() -> Path:
    return sam_cli()


def run(sam: Path, *arguments: str, where: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(where),
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    return subprocess.run(
        [str(sam), *arguments], cwd=where, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What SAM needs of a clone after `./dev build`."""
    build(out=tmp_path / "build")
    shutil.copyfile(ROOT / "template.yaml", tmp_path / "template.yaml")
    return tmp_path


def test_sam_validates(sam: Path, clone: Path) -> None:
    done = run(sam, "validate", "--lint", "--template", "template.yaml", where=clone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_sam_builds_the_same_bytes(sam: Path, clone: Path) -> None:
    done = run(sam, "build", "--template", "template.yaml", where=clone)
    assert done.returncode == 0, done.stdout + done.stderr
    built = (clone / ".aws-sam" / "build" / "template.yaml").read_text()
    # It copies nothing: the built template points at our folders.
    for folder in ("functions/dispatcher", "functions/recorder", "functions/notifier", "runtime-layer"):
        assert f"../../build/{folder}" in built


def test_cfn_lint_has_no_complaint() -> None:
    build()
    done = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), str(ROOT / "template.yaml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
