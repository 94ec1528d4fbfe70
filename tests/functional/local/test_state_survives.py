"""The local cloud's state from one start to the next: what a person who has plugins in it sees."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from infra.local import lifecycle
from infra.local.clients import clients_of
from infra.local.lifecycle import CloudOptions
from infra.local.state import CloudInfo, StateDir
from services_ai_host import LambdaTransport, PluginHost
from services_ai_sdk.emulator.home import default_home
from services_ai_sdk.hooks.catalogue import get
from tests.functional.local.conftest import eventually

pytestmark = pytest.mark.cloud

EXAMPLE = Path(__file__).parents[3] / "examples" / "territory-router"
PLUGIN = "territory-router"
CALL = get("lead_created").sample


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="services-ai-test-"))
    path.chmod(0o711)
    (path / "store").symlink_to(StateDir(default_home()).store)
    yield path
    lifecycle.down(path)
    shutil.rmtree(path)


def command(home: Path, *words: str, code: int = 0) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    info = lifecycle.status(home)
    done = subprocess.run(
        [str(Path(sys.executable).parent / words[0]), *words[1:]], capture_output=True, text=True, check=False,
        env={**environment, "SERVICES_AI_HOME": str(home), **(lifecycle.env(info) if info else {})},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if "--json" in words else done.stdout + done.stderr


def admin(home: Path, *words: str, code: int = 0) -> str:
    return command(home, "services-ai-admin", *words, code=code)


def up(home: Path, **options: Any) -> tuple[CloudInfo, list[str]]:
    said: list[str] = []
    return lifecycle.up(CloudOptions(port=0, state_dir=home, **options), said.append), said


def ship(home: Path) -> None:
    packaged = command(home, "services-ai-plugin", "package", str(EXAMPLE), "--out", str(home / "dist"), "--json")
    command(home, "services-ai-plugin", "submit", json.loads(packaged)["package"])
    admin(home, "approve", PLUGIN, "--yes")


def fire(info: CloudInfo, country: str = "SE") -> Any:
    environment = lifecycle.env(info)
    client = LambdaTransport.client_for(
        read_timeout_s=29.0, endpoint_url=info.endpoint, region_name="us-east-1",
        aws_access_key_id="local", aws_secret_access_key="local",
    )  # fmt: skip
    host = PluginHost(LambdaTransport(client, environment["SERVICES_AI_DISPATCHER"]), budget_ms=28_000, debug=True)
    results = host.call_hook("lead_created", **{**CALL, "lead": {**CALL["lead"], "country": country}})
    assert results.error is None
    (answer,) = results
    return answer


def kill(info: CloudInfo) -> None:
    os.kill(info.pid, signal.SIGKILL)
    eventually(lambda: lifecycle.status(Path(info.state_dir)) is None)


def row(home: Path) -> dict[str, Any]:
    (found,) = json.loads(admin(home, "status", "--json"))["plugins"]
    return dict(found)


def test_a_plugin_answers_after_down_and_after_a_kill_and_stays_switched_off(home: Path) -> None:
    first, said = up(home)
    assert not any("state of" in line for line in said)
    ship(home)
    assert fire(first).value["territory"] == "UK & Nordics"
    eventually(lambda: row(home)["last_hour"]["calls"] == 1)
    assert lifecycle.down(home) is not None

    second, said = up(home)
    assert any(line.startswith("state of ") and "4 functions, 2 tables" in line for line in said), said
    assert not any("deploying the platform" in line or "updating stack" in line for line in said)
    stacks = clients_of(second)("cloudformation").list_stacks()["StackSummaries"]
    assert [one["StackName"] for one in stacks] == [second.stack]
    assert second.outputs == first.outputs
    assert fire(second).value["territory"] == "UK & Nordics"
    eventually(lambda: row(home)["last_hour"]["calls"] == 2)
    for _ in range(5):
        assert fire(second, "WS").status == "error"
    eventually(lambda: row(home)["state"] == "auto_disabled")
    time.sleep(1)
    kill(second)

    third, said = up(home)
    # Records of calls may still be on their way when it is killed, and the last second may go; the state may not.
    assert row(home)["state"] == "auto_disabled", said
    assert fire(third).status == "skipped"
    assert f"{PLUGIN} " in admin(home, "errors", PLUGIN) or "KeyError" in admin(home, "errors", PLUGIN)
    admin(home, "enable", PLUGIN, "--reason", "fixed")
    assert eventually(lambda: fire(third).status != "skipped")
    calls = row(home)["last_hour"]["calls"]
    eventually(lambda: row(home)["last_hour"]["calls"] >= max(calls, 8))


def test_what_waits_in_a_queue_is_delivered_after_the_restart(home: Path) -> None:
    info, _ = up(home)
    ship(home)
    lambda_client = clients_of(info)("lambda")
    (mapping,) = [
        one for one in lambda_client.list_event_source_mappings()["EventSourceMappings"]
        if ":sqs:" in one["EventSourceArn"]
    ]  # fmt: skip
    lambda_client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    fire(info)
    time.sleep(1)
    kill(info)
    info, _ = up(home)
    assert row(home)["last_hour"]["calls"] == 0
    clients_of(info)("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    eventually(lambda: row(home)["last_hour"]["calls"] == 1)


def test_a_stream_s_records_are_not_delivered_again(home: Path) -> None:
    """The platform's stream begins at its first record: without a position everybody would be told all again."""
    info, _ = up(home)
    ship(home)
    log = home / "logs" / "services-ai-notifier.log"
    eventually(log.exists)
    admin(home, "disable", PLUGIN, "--reason", "for now")
    eventually(lambda: not _behind(home, log))
    lifecycle.down(home)
    before = log.read_text().count("START RequestId")
    info, _ = up(home)
    time.sleep(3)
    assert log.read_text().count("START RequestId") == before
    admin(home, "enable", PLUGIN, "--reason", "again")
    eventually(lambda: log.read_text().count("START RequestId") > before)
    del info


def _behind(home: Path, log: Path) -> bool:
    """Whether the notifier has been called within the last second."""
    del home
    before = log.read_text()
    time.sleep(1)
    return log.read_text() != before


def test_fresh_and_reset_begin_without(home: Path) -> None:
    def with_queue() -> None:
        info, _ = up(home, platform=False)
        clients_of(info)("sqs").create_queue(QueueName="q")
        lifecycle.down(home)

    with_queue()
    info, said = up(home, platform=False, fresh=True)
    assert any("forgotten" in line for line in said)
    assert clients_of(info)("sqs").list_queues().get("QueueUrls") is None
    for words in (("local", "reset", "--yes"), ("local", "up", "--fresh", "--detach")):
        assert f"process {info.pid}" in admin(home, *words, code=2)
    lifecycle.down(home)
    with_queue()
    assert "--yes" in admin(home, "local", "reset", code=2), "without a terminal it cannot ask"
    assert (home / "moto").exists()
    assert json.loads(admin(home, "local", "reset", "--yes", "--json")) == {"forgotten": True}
    assert json.loads(admin(home, "local", "reset", "--yes", "--json")) == {"forgotten": False}
    info, said = up(home, platform=False)
    assert not any("state of" in line for line in said)
    assert clients_of(info)("sqs").list_queues().get("QueueUrls") is None


@pytest.mark.parametrize(("answer", "kept"), [(b"n\n", True), (b"y\n", False)])
def test_reset_asks_in_a_terminal(home: Path, answer: bytes, *, kept: bool) -> None:
    (home / "moto").mkdir(mode=0o700)
    outside, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "control_plane.cli.main", "local", "reset"], stdin=inside,
        env={**os.environ, "SERVICES_AI_HOME": str(home)}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(inside)
    os.write(outside, answer)
    _, asked = process.communicate(timeout=30)
    os.close(outside)
    assert str(home).encode() in asked
    assert (home / "moto").exists() is kept


def test_the_outputs_are_known_before_and_without_a_deploy(home: Path) -> None:
    first, _ = up(home)
    lifecycle.down(home)
    again, _ = up(home, platform=False)
    assert again.outputs == first.outputs
    assert lifecycle.status(home) == again


def test_what_cannot_be_used_is_said_at_the_start_and_kept_aside(home: Path) -> None:
    info, _ = up(home, platform=False)
    clients_of(info)("sqs").create_queue(QueueName="q")
    lifecycle.down(home)
    snapshot = home / "moto" / "snapshot"
    header, _, body = snapshot.read_bytes().partition(b"\n")
    snapshot.write_bytes(json.dumps({**json.loads(header), "moto": "4.0.0"}).encode() + b"\n" + body)
    printed = admin(home, "local", "up", "--detach", "--no-platform", "--port", "0")
    (aside,) = home.glob("moto.aside-*")
    assert "written with moto 4.0.0" in printed
    assert str(aside) in printed
