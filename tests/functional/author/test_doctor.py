"""`services-ai-plugin doctor` on this machine, and on one that lacks things."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.cli.diagnosis import _local_cloud

PROGRAM = Path(sys.executable).parent / "services-ai-plugin"


def doctor(code: int, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [PROGRAM, "doctor", "--json"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_here_everything_needed_is_there() -> None:
    checks = doctor(0)
    needed = {"system", "uv", "registry", "cache", "sandbox"}
    assert {name for name in needed if checks[name]["state"] == "ok"} == needed
    assert any("network" in line for line in checks["sandbox"]["more"])
    assert checks[f"python3.{sys.version_info.minor}"]["state"] == "ok"
    for check in checks.values():
        assert check["state"] == "ok" or check["fix"]


def test_each_lack_is_named_with_its_fix(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    checks = doctor(
        3,
        UV_DEFAULT_INDEX="http://127.0.0.1:9/simple",
        SERVICES_AI_HOME=str(private / "home"),
        SERVICES_AI_CACHE="/proc/nowhere",
    )
    broken = {name: check for name, check in checks.items() if check["state"] == "failed"}
    assert set(broken) == {"registry", "sandbox", "cache"}
    assert "UV_DEFAULT_INDEX" in broken["registry"]["fix"]
    assert "SERVICES_AI_HOME" in broken["sandbox"]["fix"]
    assert "/proc/nowhere" in broken["cache"]["text"]


@pytest.mark.parametrize("content", ["", "{", '{"pid": "x"}', '{"pid": 1, "port": []}', "[]"])
def test_a_description_of_a_local_cloud_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "cloud.json").write_text(content)
    assert _local_cloud({"SERVICES_AI_HOME": str(tmp_path)}).text == "none runs"
