"""Settings from the command line into a hook, in the local cloud: what is secret is seen by the plugin alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services_ai_host import PluginHost
from services_ai_sdk.hooks import get
from tests.functional.local.conftest import eventually

pytestmark = pytest.mark.cloud

CODE = """
from services_ai_sdk import ServicesAIPlugin, hookimpl

class Greeter(ServicesAIPlugin):
    @hookimpl
    def lead_updated(self, lead, context):
        print("settings are", self.settings)
        if lead["id"] == "fail":
            raise RuntimeError(f"the service refused {self.settings.api_key}")
        key = self.settings["api_key"] or ""
        return [self.settings.greeting, self.settings["rounds"], len(key), key[-4:], self.settings.get("other")]
"""
SECRET, CHANGED = "k3y-of-the-greeter-0001", "k3y-of-the-greeter-changed-0002"


class Shell:
    """Runs our commands against the local cloud."""

    def __init__(self, cloud: Any) -> None:
        self._environment = {**os.environ, **cloud.env}

    def __call__(self, *command: str, given: str = "", code: int = 0) -> dict[str, Any]:
        done = subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:], "--json"],
            env=self._environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def test_from_the_command_line_into_a_hook(cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, folder = Shell(cloud), tmp_path / "greeter"
    folder.mkdir()
    (folder / "main.py").write_text(CODE)
    settings = {
        "greeting": {"type": "string", "default": "Hello"},
        "rounds": {"type": "integer"},
        "api_key": {"type": "string", "secret": True},
        "other": {"secret": True},
    }
    manifest = {"name": "greeter", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com"}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "settings": settings}))
    shell("services-ai-plugin", "submit", shell("services-ai-plugin", "package", str(folder))["package"])
    shell("services-ai-admin", "approve", "greeter")
    for name, value in cloud.env.items():
        monkeypatch.setenv(name, value)

    def fired(lead: str = "l") -> Any:
        sample = {**get("lead_updated").sample, "lead": {"id": lead}}
        answers = PluginHost.from_env().call_hook("lead_updated", **sample)
        return next(answer for answer in answers if answer.plugin_id == "greeter")

    admin = ("services-ai-admin", "settings", "greeter")
    shell(*admin, "set", "greeting", "Good day")
    shell(*admin, "set", "rounds", given="3\n")
    shown = shell(*admin, "set", "api_key", given=SECRET + "\n")
    assert shown["setting"]["source"] == "set"
    assert SECRET not in json.dumps(shown)
    refused = shell(*admin, "set", "api_key", SECRET, code=2)
    assert refused["error"]["code"] == "secret-on-command-line"
    assert SECRET not in json.dumps(refused)
    assert shell(*admin, "set", "rounds", "three", code=2)["error"]["code"] == "setting-invalid"
    assert [(row["name"], row["value"]) for row in shell(*admin)["settings"]] == [
        ("greeting", "Good day"), ("rounds", 3), ("api_key", None), ("other", None),
    ]  # fmt: skip

    answer = eventually(lambda: one if (one := fired()).value and one.value[0] == "Good day" else None)
    assert answer.value == ["Good day", 3, len(SECRET), SECRET[-4:], None]

    # Its role reads its own path, and the policy says so.
    policy = shell("services-ai-admin", "status", "greeter", "--policy")
    assert [one["Sid"] for one in policy["policy"]] == ["WriteOwnLogs", "SecretSettingsOwnPath"]
    assert all(one["Why"] for one in policy["policy"])
    assert policy["pending"] is None

    # A failure's record has no secret in it, and neither has anything else that is kept.
    assert fired("fail").status == "error"
    group = eventually(lambda: shell("services-ai-admin", "errors", "greeter")["errors"])[0]
    assert SECRET not in json.dumps(shell("services-ai-admin", "error", group["error"]))
    table = cloud.client("dynamodb").scan(TableName=cloud.outputs["TableName"])
    assert SECRET not in repr(table["Items"])
    logs = [path for path in (cloud.state_dir / "logs").rglob("*") if path.is_file()]
    assert any("settings are" in path.read_text(errors="replace") for path in logs)
    assert not [path.name for path in logs if SECRET in path.read_text(errors="replace")]

    # A new value is read when the kept one's time is over: here by a process that has kept none.
    shell(*admin, "unset", "api_key")
    unset = eventually(lambda: one if (one := fired()).value and one.value[2] == 0 else None)
    assert unset.value == ["Good day", 3, 0, "", None]
    shell(*admin, "set", "api_key", given=CHANGED)
    again = eventually(lambda: one if (one := fired()).value and one.value[3] == "0002" else None, timeout_s=60)
    assert again.value[2] == len(CHANGED)


def test_a_pending_upgrade_and_the_difference_it_makes(cloud: Any, tmp_path: Path) -> None:
    shell, folder = Shell(cloud), tmp_path / "widening"
    folder.mkdir()
    (folder / "main.py").write_text(CODE.replace("Greeter", "Widening"))
    manifest = {
        "name": "widening",
        "version": "1.0.0",
        "description": "d",
        "author": "a",
        "email": "a@example.com",
    }

    def submitted(**changes: Any) -> None:
        (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))
        shell("services-ai-plugin", "submit", shell("services-ai-plugin", "package", str(folder))["package"])

    asked = {"capabilities": ["storage", "email"], "permissions": ["read_leads"]}
    submitted(**asked)
    assert shell("services-ai-admin", "approve", "widening", code=2)["error"]["code"] == "grants-undecided"
    done = shell("services-ai-admin", "approve", "widening", "--without", "email")
    assert done["grants"]["withheld"] == ["email"]
    submitted(version="1.1.0", capabilities=["storage", "email", "queue"], permissions=["read_leads"])
    before = shell("services-ai-admin", "status", "widening", "--policy")
    assert [one["Sid"] for one in before["policy"]] == ["WriteOwnLogs", "StorageOwnPartition"]
    assert before["withheld"] == ["email"]
    assert [one["Sid"] for one in before["pending"]["added"]] == ["QueueOwn"]
    assert before["pending"]["removed"] == []
    undecided = shell("services-ai-admin", "approve", "widening", code=2)
    assert "1.1.0 is wider than 1.0.0 and asks for queue" in undecided["error"]["message"]
    after = shell("services-ai-admin", "approve", "widening", "--yes")
    assert after["grants"]["granted"]["capabilities"] == ["storage", "queue"], "what was withheld stays so"
    assert after["deployment"]["role_arn"] != done["deployment"]["role_arn"]
