"""The demo as a process of its own, with its own local cloud: what it promises in `--json` is true."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


class Demo:
    """Runs the demo in a state folder and on a port of its own."""

    def __init__(self, state: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.environment = {**os.environ, "SERVICES_AI_HOME": str(state), "SERVICES_AI_PORT": str(port)}

    def run(self, *arguments: str, on_line: Any = None) -> tuple[int, str, str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.demo", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if on_line:
                on_line(line)
        return process.wait(timeout=60), process.stdout.read(), "".join(lines)

    def json(self, *arguments: str, on_line: Any = None) -> dict[str, Any]:
        code, out, err = self.run(*arguments, "--json", on_line=on_line)
        assert code == 0, err
        answer: dict[str, Any] = json.loads(out)
        assert answer["ok"] is True
        return answer

    def admin(self, *arguments: str) -> str:
        command = [str(Path(sys.executable).parent / "services-ai-admin"), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    state = Path(tempfile.mkdtemp(prefix="services-ai-demo-", dir="/var/tmp"))
    state.chmod(0o711)
    demo = Demo(state)
    yield demo
    demo.admin("local", "down")
    shutil.rmtree(state)


def write_plugin(folder: Path, code: str, **manifest: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(textwrap.dedent(code))
    base = {"name": folder.name, "version": "0.1.0", "description": "d", "author": "a", "email": "a@example.com"}
    (folder / "manifest.json").write_text(json.dumps({**base, **manifest}))
    return folder


@pytest.fixture(scope="module")
def examples(demo: Demo) -> dict[str, Any]:
    return demo.json()


def test_three_plugins_are_deployed_as_layer_function_and_role(examples: dict[str, Any]) -> None:
    plugins = {plugin["id"]: plugin for plugin in examples["plugins"]}
    assert set(plugins) == {"phone-normalizer", "lead-scorer", "territory-router"}
    for plugin in plugins.values():
        assert plugin["function_arn"].endswith(f":function:services-ai-plugin-{plugin['id']}")
        assert f":role/services-ai/plugins/{plugin['id']}-" in plugin["role_arn"]
        assert plugin["python"].startswith("python3.")
        assert plugin["smoke"] == "passed"
    assert len(plugins["phone-normalizer"]["layer_arns"]) == 2
    assert len(plugins["lead-scorer"]["layer_arns"]) == 2
    assert len({plugin["role_arn"] for plugin in plugins.values()}) == 3


def test_values_are_the_plugins_own(examples: dict[str, Any]) -> None:
    values = [call["value"] for call in examples["calls"] if call["plugin"] == "phone-normalizer" and call["ok"]]
    assert any("+46812345678" in json.dumps(value) for value in values)
    scores = [call["value"] for call in examples["calls"] if call["plugin"] == "lead-scorer" and call["ok"]]
    assert len({json.dumps(score) for score in scores}) > 1, "different leads, different scores"


def test_each_function_has_worker_processes_of_its_own(examples: dict[str, Any]) -> None:
    workers: dict[str, set[int]] = {}
    for call in examples["calls"]:
        if call["worker_pid"]:
            workers.setdefault(call["plugin"], set()).add(call["worker_pid"])
    assert len(workers) == 3
    everyone = [pid for pids in workers.values() for pid in pids]
    assert len(everyone) == len(set(everyone))


def test_five_failures_in_a_row_switch_the_plugin_off_and_nobody_else(examples: dict[str, Any]) -> None:
    states = {plugin["id"]: plugin["state"] for plugin in examples["plugins"]}
    assert states == {"phone-normalizer": "enabled", "lead-scorer": "enabled", "territory-router": "auto_disabled"}
    statuses = [call["status"] for call in examples["calls"] if call["plugin"] == "territory-router"]
    assert statuses[-6:] == ["error"] * 5 + ["skipped"]
    last = [call for call in examples["calls"] if call["plugin"] == "territory-router"][-1]
    assert last["worker_pid"] is None, "a plugin that is off is not reached"
    errors = [call["error"] for call in examples["calls"] if call["status"] == "error"]
    assert {error["type"] for error in errors} == {"KeyError"}


def test_the_notification_says_what_since_when_where_and_what_to_do(examples: dict[str, Any]) -> None:
    (alert,) = [a for a in examples["notifications"] if a["attributes"]["kind"] == "auto_disabled"]
    assert alert["attributes"]["plugin"] == "territory-router"
    assert "KeyError" in alert["body"]
    assert "main.py" in alert["body"]
    assert "services-ai-admin why territory-router" in alert["body"]


def test_the_fleet_can_be_looked_at_afterwards(examples: dict[str, Any], demo: Demo) -> None:
    environment = json.loads(demo.admin("local", "env", "--json"))
    demo.environment.update(environment)
    why = demo.admin("why", "territory-router")
    assert "KeyError" in why


@pytest.mark.usefixtures("examples")
def test_a_plugin_nobody_has_seen_runs_without_its_source(demo: Demo, tmp_path: Path) -> None:
    source = write_plugin(
        tmp_path / "greeter",
        """
        from services_ai_sdk import ServicesAIPlugin, hookimpl
        import idna

        class Greeter(ServicesAIPlugin):
            @hookimpl
            def lead_created(self, lead, context):
                return {"hello": lead["name"], "idna": idna.encode("bücher.example").decode()}

            @hookimpl
            def dashboard_widget(self, context):
                return {"title": "Greetings"}
        """,
        dependencies={"packages": {"idna": "^3.4"}},
    )
    removed = []

    def remove(line: str) -> None:
        if "Submit, approve, deploy" in line:
            shutil.rmtree(source)
            removed.append(True)

    answer = demo.json("--plugin", str(source), on_line=remove)
    assert removed
    values = {call["hook"]: call["value"] for call in answer["calls"]}
    assert values["lead_created"]["idna"] == "xn--bcher-kva.example"
    assert values["dashboard_widget"] == {"title": "Greetings"}
    assert answer["notifications"] == []


@pytest.mark.usefixtures("examples")
def test_a_plugin_that_always_fails_is_switched_off(demo: Demo, tmp_path: Path) -> None:
    source = write_plugin(
        tmp_path / "broken",
        """
        from services_ai_sdk import ServicesAIPlugin

        class Broken(ServicesAIPlugin):
            def lead_updated(self, lead, changes, context):
                raise RuntimeError("the territory service is gone")
        """,
    )
    answer = demo.json("--plugin", str(source))
    assert [call["status"] for call in answer["calls"]] == ["error"] * 5 + ["skipped"]
    assert answer["plugins"][0]["state"] == "auto_disabled"
    assert any(alert["attributes"]["kind"] == "auto_disabled" for alert in answer["notifications"])


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("kind", ["missing", "no manifest", "broken zip"])
def test_a_path_that_is_no_plugin_ends_the_demo_with_what_to_do(demo: Demo, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "no manifest":
        path.mkdir()
    elif kind == "broken zip":
        path = tmp_path / "thing.zip"
        path.write_bytes(b"PK\x03\x04 not a zip")
    code, out, err = demo.run("--plugin", str(path), "--json")
    assert code != 0
    answer = json.loads(out)
    assert answer["ok"] is False
    assert answer["error"]["message"]
    assert "Traceback" not in err
