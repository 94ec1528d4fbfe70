"""Three examples, deployed, fired, and one of them switched off: what `./dev demo --json` promises is true."""

from __future__ import annotations

import json
from typing import Any


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


def test_every_line_of_progress_says_whose_it_is(examples: dict[str, Any]) -> None:
    screen = examples["screen"]
    between = screen[screen.index("3. Package") : screen.index("5. Fire")].splitlines()
    told = [line for line in between if line.startswith("   · ")]
    names = ("phone-normalizer", "lead-scorer", "territory-router")
    assert len(told) > 10
    assert [line for line in told if not any(name in line for name in names)] == []


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


def test_the_fleet_can_be_looked_at_afterwards(examples: dict[str, Any], demo: Any) -> None:
    environment = json.loads(demo.admin("local", "env", "--json"))
    demo.environment.update(environment)
    why = demo.admin("why", "territory-router")
    assert "KeyError" in why
