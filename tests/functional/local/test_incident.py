"""An incident in the local cloud, command for command as docs/admin/incident.md has it; then uninstalling."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services_ai_host import PluginHost
from services_ai_sdk.hooks import get
from tests.functional.author.test_tutorial import ENDS, as_promised, transcript
from tests.functional.local.conftest import eventually

pytestmark = pytest.mark.cloud

INCIDENT = Path(__file__).parents[3] / "docs" / "admin" / "incident.md"
PLUGIN = "region-router"
CODE = """
from services_ai_sdk import ServicesAIPlugin, hookimpl

TEAMS = {"DE": "emea", "US": "americas"}

class Router(ServicesAIPlugin):
    @hookimpl
    def lead_updated(self, lead, context):
        return LOOK_UP
"""
Run = Callable[..., Any]


@pytest.fixture
def environment(cloud: Any) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SERVICES_AI_"))}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "SERVICES_AI_HOME": str(cloud.state_dir), **cloud.env}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def call(*command: str) -> Any:
        done = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return call


@pytest.fixture
def release(run: Run, tmp_path: Path) -> Callable[[str, str], None]:
    """Packages, submits and approves a version of the plugin."""

    def make(version: str, look_up: str) -> None:
        folder = tmp_path / f"{PLUGIN}-{version}"
        folder.mkdir()
        (folder / "main.py").write_text(CODE.replace("LOOK_UP", look_up))
        manifest = {
            "name": PLUGIN,
            "version": version,
            "description": "d",
            "author": "a",
            "email": "a@example.com",
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
        package = run("services-ai-plugin", "package", str(folder), "--out", str(tmp_path / "dist"))["package"]
        run("services-ai-plugin", "submit", package)
        run("services-ai-admin", "approve", PLUGIN, "--version", version)

    return make


@pytest.fixture
def fire(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    for name, value in cloud.env.items():
        monkeypatch.setenv(name, value)
    host = PluginHost.from_env()

    def call(country: str) -> str:
        sample = get("lead_updated").sample
        answers = host.call_hook("lead_updated", **{**sample, "lead": {**sample["lead"], "country": country}})
        return next((str(answer.status) for answer in answers if answer.plugin_id == PLUGIN), "not called")

    return call


@pytest.fixture
def incident(
    cloud: Any, run: Run, release: Callable[[str, str], None], fire: Callable[[str], str]
) -> Iterator[None]:
    """1.0.0 worked; 1.1.0 was switched off, and somebody subscribed to that news."""
    queue = cloud.client("sqs").create_queue(QueueName="on-call")["QueueUrl"]
    names = {"AttributeNames": ["QueueArn"]}
    arn = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, **names)["Attributes"]["QueueArn"]
    wanted = json.dumps({"kind": ["auto_disabled"], "plugin": [PLUGIN]})
    cloud.client("sns").subscribe(
        TopicArn=cloud.outputs["AlertsTopicArn"], Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": wanted}
    )
    release("1.0.0", 'TEAMS.get(lead["country"])')
    assert eventually(lambda: fire("BR") == "ok")
    release("1.1.0", 'TEAMS[lead["country"]]')
    assert eventually(lambda: fire("BR") == "error")
    assert eventually(lambda: fire("BR") == "skipped")

    def recorded() -> bool:
        groups = run("services-ai-admin", "errors", PLUGIN)["errors"]
        return bool(groups) and groups[0]["count"] == 5

    assert eventually(recorded)
    yield
    cloud.client("sqs").delete_queue(QueueUrl=queue)


def test_the_incident_is_what_happens(incident: None, environment: dict[str, str], tmp_path: Path) -> None:
    commands = transcript(INCIDENT.read_text(encoding="utf-8"))
    assert len(commands) >= 8
    script = "\n".join(f"{command.text}\necho '{ENDS}' $?" for command in commands)
    done = subprocess.run(
        ["bash", "-u", "-c", f"exec 2>&1\n{script}"],
        cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    parts = re.split(rf"^{ENDS} (\d+)\n", done.stdout, flags=re.MULTILINE)
    wrong = []
    for command, printed, code in zip(commands, parts[0::2], parts[1::2], strict=False):
        shown = "\n".join(line for line in printed.rstrip("\n").split("\n") if not line.startswith("· "))
        if int(code) != command.code or not as_promised(shown, command.promised):
            wrong.append(f"$ {command.text}\n{shown}\n--- promised\n" + "\n".join(command.promised))
    assert not wrong, "\n\n".join(wrong)
    assert len(parts) == 2 * len(commands) + 1


def test_away_with_it_and_back_again(
    cloud: Any,
    run: Run,
    release: Callable[[str, str], None],
    fire: Callable[[str], str],
    environment: dict[str, str],
) -> None:
    release("2.0.0", 'TEAMS.get(lead["country"])')
    assert eventually(lambda: fire("DE") == "ok")
    refused = subprocess.run(
        ["services-ai-admin", "uninstall", PLUGIN], env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True), refused.stderr
    assert fire("DE") == "ok"
    found = run("services-ai-admin", "uninstall", PLUGIN, "--yes")
    gone = [step["action"] for step in found["plan"]["steps"]]
    assert gone[0] == "delete-function"
    assert {"delete-role", "delete-log-group"} <= set(gone)
    names = [one["FunctionName"] for one in cloud.client("lambda").list_functions()["Functions"]]
    assert not [name for name in names if name.endswith(PLUGIN)]
    roles = cloud.client("iam").list_roles(PathPrefix="/services-ai/plugins/")["Roles"]
    assert not [role for role in roles if role["RoleName"].startswith(f"{PLUGIN}-")]
    groups = cloud.client("logs").describe_log_groups(
        logGroupNamePrefix=f"/aws/lambda/services-ai-plugin-{PLUGIN}"
    )
    assert groups["logGroups"] == []
    assert eventually(lambda: fire("DE") == "not called")
    rows = run("services-ai-admin", "audit", PLUGIN)["rows"]
    assert rows[-1]["action"] == "uninstalled"
    run("services-ai-admin", "approve", PLUGIN, "--version", "2.0.0")
    assert eventually(lambda: fire("DE") == "ok")
    run("services-ai-admin", "uninstall", PLUGIN, "--yes")
