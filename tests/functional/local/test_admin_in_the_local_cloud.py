"""What an admin reads in the local cloud: alerts, as docs/admin/alerts.md says, and what a plugin printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control_plane.cli import wiring
from services_ai_host import PluginHost
from services_ai_sdk.hooks import get
from tests.functional.author.test_tutorial import ENDS, as_promised, transcript
from tests.functional.local.conftest import eventually

pytestmark = pytest.mark.cloud

ALERTS = Path(__file__).parents[3] / "docs" / "admin" / "alerts.md"
CODE = """
from services_ai_sdk import ServicesAIPlugin, hookimpl

TEAMS = {"DE": "emea"}

class Router(ServicesAIPlugin):
    @hookimpl
    def lead_updated(self, lead, context):
        print("routing", lead["id"])
        return TEAMS[lead["country"]]
"""


@pytest.fixture
def environment(cloud: Any) -> dict[str, str]:
    """Of a shell that nobody has pointed anywhere, but to the state directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SERVICES_AI_"))}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "SERVICES_AI_HOME": str(cloud.state_dir), "COLUMNS": "200"}


@pytest.fixture
def router(cloud: Any, environment: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """A deployed plugin that fails; a callable that runs one of our commands."""

    def run(*command: str) -> dict[str, Any]:
        done = subprocess.run(
            [*command, "--json"], env={**environment, **cloud.env}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    folder = tmp_path / "territory-router"
    folder.mkdir()
    (folder / "main.py").write_text(CODE)
    manifest = {"version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com"}
    (folder / "manifest.json").write_text(json.dumps({"name": "territory-router", **manifest}))
    package = run("services-ai-plugin", "package", str(folder), "--out", str(tmp_path / "dist"))["package"]
    run("services-ai-plugin", "submit", package)
    run("services-ai-admin", "approve", "territory-router", "--yes")
    # Another test may have left it off.
    run("services-ai-admin", "enable", "territory-router")
    yield run
    run("services-ai-admin", "disable", "territory-router", "--reason", "the test is over")


def test_alerts_arrive_as_the_documentation_says(
    cloud: Any, router: Any, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.env.items():
        monkeypatch.setenv(name, value)
    host = PluginHost.from_env()
    load, write, first, later = transcript(ALERTS.read_text(encoding="utf-8"))
    script = f"exec 2>&1\n{load.text}\n{write.text}\n{first.text}\necho {ENDS}; read -r\n{later.text}\n"
    shell = subprocess.Popen(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert shell.stdout is not None
    # A shell that ended early reads as an empty line.
    subscribed = shell.stdout.readline()
    assert subscribed == f"{ENDS}\n", subscribed + shell.communicate()[0]
    lead = {**get("lead_updated").sample["lead"], "id": "lead-7", "country": "BR"}
    host.call_hook("lead_updated", **{**get("lead_updated").sample, "lead": lead})
    printed, _ = shell.communicate("\n", timeout=60)
    assert as_promised(printed.rstrip("\n"), later.promised), printed


def test_what_a_plugin_printed_is_in_the_file_that_logs_names(
    cloud: Any, router: Any, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.env.items():
        monkeypatch.setenv(name, value)
    sample = get("lead_updated").sample
    PluginHost.from_env().call_hook("lead_updated", **{**sample, "lead": {"id": "lead-8", "country": "DE"}})
    printed = router("services-ai-admin", "logs", "territory-router")["printed"]
    file = Path(printed["file"])
    assert file == cloud.state_dir / "logs" / "services-ai-plugin-territory-router.log"
    assert eventually(lambda: file.is_file() and "routing lead-8" in file.read_text())
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=printed["log_group"])["logGroups"]
    assert [group["logGroupName"] for group in groups] == [printed["log_group"]]


def test_it_is_known_which_cloud_runs_functions_on_this_machine(
    cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICES_AI_HOME", str(cloud.state_dir))
    assert wiring.used_local_cloud(cloud.env).endpoint == cloud.endpoint
    for elsewhere in ({}, {"AWS_ENDPOINT_URL": ""}, {"AWS_ENDPOINT_URL": "https://lambda.example.com"}):
        assert wiring.used_local_cloud(elsewhere) is None
    assert wiring.lacking(f"python3.{sys.version_info.minor}") == ""
    assert wiring.lacking("python3.99").startswith("needs Python 3.99 (run `")
