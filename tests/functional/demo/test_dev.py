"""`./dev` as a person calls it, from wherever they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

DEV = Path(__file__).resolve().parents[3] / "dev"


def test_run_is_where_the_caller_is(tmp_path: Path) -> None:
    done = subprocess.run(
        [DEV, "run", "services-ai-plugin", "create", "Here"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "here is in here" in done.stdout
    assert (tmp_path / "here" / "manifest.json").is_file()


def test_a_demo_of_a_path_that_is_relative_to_the_caller(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [DEV, "demo", "--plugin", "empty"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "has no manifest.json" in done.stderr
