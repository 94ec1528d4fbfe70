"""What a plugin's role allows and refuses, tried from inside the plugin, with its own temporary credentials.

`./dev test tests/isolation/test_capabilities.py -q -s` prints the denials matrix; with `DENIALS_JSON=FILE` it is
written there, call by call.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from control_plane.cli import plane
from services_ai_sdk.access.grants import Grants
from services_ai_sdk.hooks import get
from tests.isolation.denials_table import table, written
from tests.isolation.matrix import CAPABILITIES, DENIED, GRANTED, OTHER, OWN, SENDER, Attempt, World, attempts

pytestmark = pytest.mark.cloud
SOURCE = Path(__file__).parent / "capable"
CALLS_AT_ONCE = 40


class Plugin:
    """The plugin in the local cloud, and its neighbour, which is granted everything."""

    def __init__(self, cloud: Any) -> None:
        self._cloud = cloud

    def run(self, *command: str) -> dict[str, Any]:
        done = subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:], "--json"],
            env={**os.environ, **self._cloud.env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def ship(self, folder: Path, plugin_id: str) -> None:
        shutil.copytree(SOURCE, folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, "name": plugin_id}))
        self.run("services-ai-plugin", "submit", self.run("services-ai-plugin", "package", str(folder))["package"])

    def grant(self, plugin_id: str, capabilities: frozenset[str]) -> str:
        """Exactly these; returns the role."""
        done = plane.control_plane().approver.approve(
            plugin_id,
            version=None,
            actor="test",
            progress=lambda _: None,
            decide=lambda asking: Grants(asking.asked.permissions, tuple(sorted(capabilities))),
        )
        assert done.record is not None
        return done.record.role_arn

    def call(self, calls: list[Attempt]) -> dict[str, Any]:
        """From inside."""
        wire = [[one.service, one.operation, one.parameters] for one in calls]
        sample = get("lead_updated").sample
        envelope = {
            "v": 1, "invocation_id": "i", "event_id": "e", "hook": "lead_updated", "mode": "sync",
            "plugin": {"id": OWN, "version": "1.0.0"}, "epoch": 1,
            "args": {**sample, "lead": {"id": "l", "calls": wire}},
        }  # fmt: skip
        answer = self._cloud.client("lambda").invoke(
            FunctionName=f"services-ai-plugin-{OWN}", Qualifier="live", Payload=json.dumps(envelope).encode()
        )
        body = json.loads(answer["Payload"].read())
        assert body.get("ok"), body
        value: dict[str, Any] = body["value"]
        return value


@pytest.fixture(scope="module")
def plugin(cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    made, folder = Plugin(cloud), tmp_path_factory.mktemp("capable")
    with pytest.MonkeyPatch.context() as patched:
        for name, value in cloud.env.items():
            patched.setenv(name, value)
        for plugin_id in (OWN, OTHER):
            made.ship(folder / plugin_id, plugin_id)
            secrets = cloud.client("secretsmanager")
            for name in ("token", "settings/api_key"):
                secrets.create_secret(Name=f"services-ai/plugins/{plugin_id}/{name}", SecretString="s3cret")
        secrets.create_secret(Name="services-ai/host", SecretString="s3cret")
        yield made


@pytest.fixture(scope="module")
def world(cloud: Any, plugin: Plugin) -> Callable[[str], World]:
    other_role = plugin.grant(OTHER, frozenset(CAPABILITIES))
    outputs = cloud.outputs
    secret = cloud.client("secretsmanager").describe_secret(SecretId=f"services-ai/plugins/{OWN}/token")["ARN"]

    def with_role(own_role: str) -> World:
        return World(
            storage=outputs["PluginStorageTable"],
            files=outputs["PluginFilesBucket"],
            control=outputs["TableName"],
            artifacts=outputs["ArtifactBucket"],
            outcomes_url=outputs["OutcomesQueueUrl"],
            topic=outputs["AlertsTopicArn"],
            dispatcher=outputs["DispatcherFunctionName"],
            own_role=own_role,
            other_role=other_role,
            own_secret_arn=secret,
            boundary=outputs["PluginBoundaryArn"],
        )

    return with_role


def test_a_plugin_does_what_it_was_granted_and_nothing_else(plugin: Plugin, world: Callable[[str], World]) -> None:
    wrong, rows, counted = [], [], Counter[tuple[str, bool]]()
    for granted in GRANTED:
        role = plugin.grant(OWN, granted)
        tried = attempts(world(role))
        for start in range(0, len(tried), CALLS_AT_ONCE):
            calls = tried[start : start + CALLS_AT_ONCE]
            answer = plugin.call(calls)
            assert answer["identity"] == (
                f"arn:aws:sts::123456789012:assumed-role/{role.rpartition('/')[2]}/services-ai-plugin-{OWN}"
            )
            for one, outcome in zip(calls, answer["outcomes"], strict=True):
                counted[one.service, outcome not in DENIED] += 1
                rows.append({
                    "granted": sorted(granted), "service": one.service, "operation": one.operation, "on": one.on,
                    "allowed": one.allowed(granted), "outcome": outcome,
                })  # fmt: skip
                if not one.right(outcome, granted):
                    wrong.append((sorted(granted), one.on, one.service, one.operation, one.parameters, outcome))
    if os.environ.get("DENIALS_JSON"):
        Path(os.environ["DENIALS_JSON"]).write_text(json.dumps(rows, indent=1))
    print(f"\n{'service':<16}{'allowed':>8}{'denied':>8}")
    for service in sorted({service for service, _ in counted}):
        print(f"{service:<16}{counted[service, True]:>8}{counted[service, False]:>8}")
    reached = sum(count for (_, through), count in counted.items() if through)
    print(f"{'all':<16}{reached:>8}{len(rows) - reached:>8}   of {len(rows)} attempts")
    assert wrong == []


def test_the_reference_has_the_matrix() -> None:
    assert written() == table(), "run: ./dev run python -m tests.isolation.denials_table"


def test_what_a_hook_is_told_is_what_it_can_use(plugin: Plugin, cloud: Any) -> None:
    """Through the dispatcher: `self.resources` as the tests above name them."""
    from services_ai_host import PluginHost

    plugin.grant(OWN, frozenset(CAPABILITIES))
    outputs, name = cloud.outputs, f"services-ai-plugin-{OWN}"
    (answer,) = (
        answer
        for answer in PluginHost.from_env().call_hook("lead_updated", **get("lead_updated").sample)
        if answer.plugin_id == OWN
    )
    assert answer.status == "ok", answer
    assert answer.value["told"] == {
        "storage": {"table": outputs["PluginStorageTable"], "partition": f"plugin#{OWN}"},
        "secrets": {"path": f"services-ai/plugins/{OWN}/"},
        "files": {"bucket": outputs["PluginFilesBucket"], "prefix": f"plugins/{OWN}/"},
        "email": {"sender": SENDER},
        "queue": {"name": name, "url": f"https://sqs.us-east-1.amazonaws.com/123456789012/{name}"},
    }
