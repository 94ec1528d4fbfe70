"""`… | head -1`: nobody reads any more, and that is no error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
ADMIN, PLUGIN = (str(BIN / "services-ai-admin"),), (str(BIN / "services-ai-plugin"),)
DEMO = (sys.executable, "-m", "infra.demo")


@pytest.mark.parametrize(
    "command",
    [
        (*ADMIN, "--help"),
        (*ADMIN, "local", "status", "--json"),
        (*ADMIN, "local", "down"),
        (*PLUGIN, "--help"),
        (*PLUGIN, "create", "Greeter"),
        (*PLUGIN, "create", "Greeter", "--json"),
        (*PLUGIN, "validate", "nowhere", "--json"),
        (*PLUGIN, "nonsense", "--json"),
        (*DEMO, "--help"),
        (*DEMO, "--plugin", "nowhere", "--json"),
    ],
)
@pytest.mark.parametrize("buffered", [True, False])
def test_a_closed_pipe_ends_the_command_quietly(tmp_path: Path, command: tuple[str, ...], buffered: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    root = Path(__file__).resolve().parents[3]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SERVICES_AI_HOME": str(tmp_path / "none"),
                   "PYTHONPATH": str(root), **({} if buffered else {"PYTHONUNBUFFERED": "1"})}  # fmt: skip
    done = subprocess.run(
        command,
        stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=60, env=environment, cwd=tmp_path,
    )  # fmt: skip
    os.close(writer)
    expected = (0,)
    if "--json" in command and "create" not in command:
        expected = (0, 2, 3)  # they fail, and what they end with may stay
    assert done.returncode in expected
    told = [
        line for line in done.stderr.splitlines() if not line.startswith(("demo: nowhere", "  fix:", "1. ", "   "))
    ]
    assert [line for line in told if line] == []
