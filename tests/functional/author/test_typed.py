"""The SDK is typed as an author's own checker sees it: mypy and pyright over a plugin, none of our settings."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services_ai_sdk.cli.template import TEMPLATES, plugin_files

PYRIGHT = "pyright@1.1.414"

TYPED = """\
from __future__ import annotations

from typing import assert_type

from services_ai_sdk import ServicesAIPlugin, hookimpl
from services_ai_sdk.testing import FakeAPI


class Typed(ServicesAIPlugin):
    @hookimpl(priority=10)
    def lead_created(self, lead: dict[str, str]) -> dict[str, str]:
        self.api.send_notification("hello", user_id=3)
        assert_type(self.permissions, frozenset[str])
        return {"x": lead["id"]}


assert_type(FakeAPI({"send_notifications"}).notifications, list[str])
assert_type(Typed().lead_created({}), dict[str, str])
"""
WRONG = """\
from services_ai_sdk import ServicesAIPlugin, hookimpl


class Wrong(ServicesAIPlugin):
    @hookimpl(priority="first")
    def lead_created(self) -> None:
        self.api.send_notification(3)
        self.api.send_notificaton("misspelt")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Every template without dependencies, and code that uses what the SDK gives."""
    for template in TEMPLATES.values():
        if not template.packages:
            for file, text in plugin_files(template, template.name, template.name, "a", "a@example.com").items():
                path = tmp_path / template.name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    (tmp_path / "typed.py").write_text(TYPED)
    (tmp_path / "wrong.py").write_text(WRONG)
    return tmp_path


def test_mypy(project: Path) -> None:
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(project / ".cache")]
    right = ["typed.py", "event/main.py"]
    done = subprocess.run([*mypy, *right], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    done = subprocess.run([*mypy, "wrong.py"], cwd=project, capture_output=True, text=True, check=False)
    assert {line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line} == {"5", "7", "8"}


@pytest.mark.skipif(shutil.which("npm") is None, reason="pyright comes from npm, which is not on this machine")
def test_pyright(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    tools = tmp_path_factory.mktemp("pyright")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(tools), PYRIGHT]
    subprocess.run(install, check=True, capture_output=True)
    pyright = [
        "node",
        str(tools / "node_modules/pyright/index.js"),
        "--pythonpath",
        sys.executable,
        "--outputjson",
    ]
    done = subprocess.run([*pyright, "."], cwd=project, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    places = {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in found}
    assert places == {("wrong.py", 5), ("wrong.py", 7), ("wrong.py", 8)}, found
