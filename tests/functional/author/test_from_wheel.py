"""What an author has: the SDK's wheel in a venv of its own, an empty home, and nothing of this repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.bundler.resolve import find_uv
from services_ai_sdk.cli.template import TEMPLATES

SDK = Path(__file__).parents[3] / "sdk"


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("author")
    uv = str(find_uv())
    # Where packages come from is the machine's own business; everything else of it stays outside.
    network = {
        key: value for key, value in os.environ.items() if key.startswith(("UV_", "PIP_", "SSL_", "HTTP", "NO_"))
    }
    (folder / "home").mkdir()
    environment = {**network, "PATH": "/usr/bin:/bin", "HOME": str(folder / "home"), "LANG": "C.UTF-8"}
    if "SERVICES_AI_HOME" in os.environ:
        environment["SERVICES_AI_HOME"] = os.environ["SERVICES_AI_HOME"]

    def run(*command: str, cwd: Path = folder) -> str:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    run(uv, "build", "--wheel", "--quiet", "--out-dir", str(folder / "wheels"), str(SDK))
    run(uv, "venv", "--quiet", "--python", sys.executable, "--no-python-downloads", str(folder / "venv"))
    (wheel,) = (folder / "wheels").glob("*.whl")
    run(uv, "pip", "install", "--quiet", "--python", str(folder / "venv/bin/python"), f"{wheel}[cli]")

    def plugin(*arguments: str) -> Any:
        return json.loads(run(str(folder / "venv/bin/services-ai-plugin"), *arguments, "--json"))

    return plugin


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_template_is_made_tested_and_packaged(author: Any, template: str) -> None:
    made = author("create", f"From {template}", "--template", template, "--email", "dev@example.com")
    assert author("validate", made["folder"])["findings"] == []
    tested = author("test", made["folder"])
    assert (tested["ok"], tested["suite"]["ok"], tested["findings"]) == (True, True, [])
    packaged = author("package", made["folder"])
    assert packaged["id"] == f"from-{template}"
    assert packaged["warnings"] == []
