"""SAM CLI reads the template and builds from the prebuilt folders.

SAM CLI pins older libraries than ours: it gets a venv of its own from locks/sam.txt, made once below the state
directory.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from infra.build import ROOT, build
from infra.local.state import StateDir
from services_ai_sdk.emulator.home import default_home

pytestmark = pytest.mark.sam


@pytest.fixture(scope="session")
def sam() -> Path:
    lock = ROOT / "locks" / "sam.txt"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    venv = StateDir(default_home()).path / f"sam-{digest}"
    if not (venv / "complete").exists():
        uv = find_uv_bin()
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)], check=True)
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
        subprocess.run(install, env={**os.environ, "VIRTUAL_ENV": str(venv)}, check=True)
        (venv / "complete").touch()
    return venv / "bin" / "sam"


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
