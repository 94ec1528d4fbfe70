"""services-ai-admin on moto: what people and programs read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from control_plane.cli.main import _EXAMPLES, build_app
from control_plane.operations.ports import Invoked, NotInvoked
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, PlatformError
from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import TABLE, World

TEMPLATE = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alerts"}}},
    "Outputs": {"TableName": {"Value": TABLE}, "ArtifactBucket": {"Value": "artifacts"}},
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("SERVICES_AI_STACK", "services-ai")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="services-ai", TemplateBody=json.dumps(TEMPLATE))
        found = World(boto3.client("dynamodb"))
        import time

        found.clock.now = time.time()
        yield found
        found.close()


Run = Callable[..., Result]


@pytest.fixture
def run(world: World) -> Run:
    def call(*arguments: str, code: int = 0) -> Result:
        found = CliRunner().invoke(build_app(), list(arguments))
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        assert found.exit_code == code, found.output
        return found

    return call


@pytest.fixture
def incident(world: World) -> World:
    """One plugin off after five failures, one healthy."""
    world.deploy("territory-router", raises("KeyError", "'BR'"), permissions=["read_leads"])
    world.deploy("lead-scorer", returns({"score": 7}))
    for _ in range(6):
        world.fire()
    world.record()
    return world


def data(found: Result) -> Any:
    return json.loads(found.stdout)


def test_the_fleet_worst_first(incident: World, run: Run) -> None:
    text = run("status").stdout
    lines = text.splitlines()
    assert lines[0].split() == ["PLUGIN", "VERSION", "STATE", "SINCE", "CALLS/H", "ERRORS", "P50/P95", "MS"]
    assert lines[1].split()[:3] == ["territory-router", "1.0.0", "auto_disabled"]
    assert lines[2].split()[:3] == ["lead-scorer", "1.0.0", "enabled"]
    assert "5 failures in a row on lead_created" in text
    assert "KeyError: 'BR' at main.py:31 in route" in " ".join(text.split())
    assert all(line == line.rstrip() for line in lines)
    rows = data(run("status", "--json"))["plugins"]
    assert [(row["plugin"], row["state"]) for row in rows] == [
        ("territory-router", "auto_disabled"),
        ("lead-scorer", "enabled"),
    ]
    assert rows[0]["last_hour"]["failures"] == 5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rows[0]["since"])
    assert rows[0]["since"] < rows[0]["probe_at"]


def test_one_plugin(incident: World, run: Run) -> None:
    text = run("status", "territory-router").stdout
    for part in ("auto_disabled", "read_leads", "python3.11", "passed", "by ada", "5 errors (100.0%)"):
        assert part in text
    record = data(run("status", "territory-router", "--json"))["plugins"][0]["record"]
    lines = [line.split() for line in text.splitlines()]
    assert ["function", record["function_arn"], "(version", "1)"] in lines, "an ARN in a pipe is whole"
    assert all(line == line.rstrip() for line in text.splitlines())


def test_why(incident: World, run: Run) -> None:
    text = run("why", "territory-router").stdout
    assert "is auto_disabled" in text
    assert text.count("KeyError: 'BR' at main.py:31 in route") == 5
    found = data(run("why", "territory-router", "--json"))
    assert len(found["failures"]) == 5
    assert found["evidence"]["hook"] == "lead_created"


def test_errors_and_one_of_them(incident: World, run: Run) -> None:
    (group,) = data(run("errors", "--json"))["errors"]
    assert group["count"] == 5
    assert group["error"] in run("errors", "territory-router").stdout
    text = run("error", group["error"]).stdout
    assert ">   31      team = TEAMS[country]" in text
    assert "with the arguments (secrets removed, personal data not):" in text
    assert '"email": "ada@example.com"' in text
    found = data(run("error", group["error"], "--json", "--limit", "2"))
    assert len(found["failures"]) == 2
    assert "No errors" in run("errors", "lead-scorer").stdout


def test_logs(incident: World, run: Run) -> None:
    found = data(run("logs", "territory-router", "--json"))["calls"]
    assert [call["outcome"] for call in found].count("failure") == 5
    assert "skipped" in run("logs", "territory-router").stdout
    assert len(data(run("logs", "territory-router", "-n", "2", "--json"))["calls"]) == 2


def test_on_and_off(incident: World, run: Run) -> None:
    found = data(run("enable", "territory-router", "--reason", "fixed", "--json"))
    assert (found["before"], found["state"], found["changed"]) == ("auto_disabled", "enabled", True)
    assert "already" in run("enable", "territory-router").stdout
    assert "is disabled" in run("disable", "lead-scorer", "--reason", "wrong scores").stdout
    assert str(incident.state("lead-scorer").state) == "disabled"


def test_a_reason_is_not_optional(incident: World, run: Run) -> None:
    run("disable", "lead-scorer", code=2)
    with pytest.raises(InvalidInputError):
        run("disable", "lead-scorer", "--reason", " ")


def test_an_error_is_resolved_ignored_and_reopened(incident: World, run: Run) -> None:
    (group,) = data(run("errors", "--json"))["errors"]
    error = group["error"]
    found = data(run("resolve", error, "--version", "1.0.1", "--json"))
    assert (found["before"], found["status"], found["resolved_in"], found["changed"]) == (
        "open", "resolved", "1.0.1", True,
    )  # fmt: skip
    assert "resolved in 1.0.1" in run("error", error).stdout
    assert "already; nothing was changed" in run("resolve", error, "--version", "1.0.1").stdout
    assert "last error" not in run("status").stdout
    assert data(run("errors", "--state", "open", "--json"))["errors"] == []
    assert "No open errors of territory-router" in run("errors", "territory-router", "--state", "open").stdout
    assert error in run("errors", "--state", "resolved").stdout
    text = run("ignore", error, "--for", "7d", "--reason", "the author knows").stdout
    assert "is ignored until" in text
    assert "(was resolved)" in text
    assert "the author knows" in run("error", error).stdout
    assert "is open (was ignored)" in run("reopen", error).stdout
    assert "last error" in run("status").stdout


@pytest.mark.parametrize(
    "options",
    [("--for", "soon"), ("--until", "x"), ("--for", "1d", "--until", "2030-01-01"), ("--until", "2001-01-01")],
)
def test_a_time_that_is_none_is_said_to_be_none(incident: World, run: Run, options: tuple[str, ...]) -> None:
    (group,) = data(run("errors", "--json"))["errors"]
    with pytest.raises(InvalidInputError) as caught:
        run("ignore", group["error"], "--reason", "x", *options)
    assert caught.value.hint
    with pytest.raises(InvalidInputError, match="needs a reason"):
        run("ignore", group["error"], "--reason", " ")


def test_one_call_by_its_invocation(incident: World, run: Run) -> None:
    calls = data(run("logs", "territory-router", "--json"))["calls"]
    failed = next(call for call in calls if call["outcome"] == "failure")
    text = run("logs", "territory-router", "--invocation", failed["invocation_id"]).stdout
    assert text.splitlines()[0].endswith("KeyError")
    assert f"services-ai-admin error {failed['invocation_id']}" in text
    assert "main.py:31 in route" not in text
    found = data(run("logs", "territory-router", "--invocation", failed["invocation_id"], "--json"))["calls"]
    assert found == [failed]
    with pytest.raises(InvalidInputError, match="no call 'nonsense'"):
        run("logs", "territory-router", "--invocation", "nonsense")


def test_the_audit_of_all_and_of_one(incident: World, run: Run) -> None:
    incident.clock.now += 1
    incident.switch.disable("lead-scorer", actor="bob", reason="wrong scores")
    rows = data(run("audit", "--json"))["rows"]
    assert [row["at_ms"] for row in rows] == sorted(row["at_ms"] for row in rows), "the latest last"
    assert (rows[-1]["action"], rows[-1]["actor"], rows[-1]["plugin"]) == ("disable", "bob", "lead-scorer")
    assert {row["plugin"] for row in rows} == {"territory-router", "lead-scorer"}
    text = run("audit", "lead-scorer").stdout
    assert "bob  disable lead-scorer  (enabled → disabled)\n  wrong scores" in text
    assert "territory-router" not in text
    assert len(data(run("audit", "--limit", "1", "--json"))["rows"]) == 1
    assert len(data(run("audit", "--since", "1h", "--json"))["rows"]) == len(rows)
    assert "Nothing was done since 2099-01-01" in run("audit", "--since", "2099-01-01").stdout
    with pytest.raises(InvalidInputError, match="is no time"):
        run("audit", "--since", "soon")


def test_nothing_deployed(world: World, run: Run) -> None:
    assert "No plugin is deployed" in run("status").stdout
    assert data(run("status", "--json"))["plugins"] == []


@pytest.mark.parametrize("command", ["status", "why", "logs", "errors", "enable", "disable"])
def test_an_unknown_plugin(world: World, run: Run, command: str) -> None:
    world.deploy("alpha", returns(1))
    with pytest.raises(InvalidInputError) as caught:
        run(command, "alhpa", *(("--reason", "x") if command == "disable" else ()), "--json")
    assert caught.value.exit_code == 2
    assert caught.value.hint == "did you mean alpha? The plugins are alpha"


def test_hostile_text_from_a_plugin_does_not_reach_the_terminal(world: World, run: Run) -> None:
    world.deploy("alpha", raises("[bold]E[/bold]", "\x1b]0;title\x07\x1b[2J[red]x[/red]\u202e\nsecond"))
    world.fire()
    world.record()
    (group,) = data(run("errors", "--json"))["errors"]
    for command in (("status",), ("errors",), ("error", group["error"]), ("logs", "alpha")):
        text = run(*command).stdout
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\u202e" not in text
    assert "[red]x[/red]" in run("errors").stdout


def test_no_such_stack(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICES_AI_STACK", "other")
    with pytest.raises(PlatformError) as caught:
        run("status")
    assert caught.value.exit_code == 3
    assert caught.value.hint


def admin(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true", **variables}
    return subprocess.run(
        [sys.executable, "-m", "control_plane.cli.main", *arguments],
        capture_output=True, text=True, check=False, timeout=60, env=environment,
    )  # fmt: skip


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['services-ai-admin', '--help']\n"
        "from control_plane.cli.main import build_app\n"
        "try: build_app()()\n"
        "except SystemExit: pass\n"
        "print(sorted({'boto3', 'botocore', 'pydantic', 'moto', 'infra'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.strip() == "[]"
    for command in ("status", "why", "errors", "error", "logs", "enable", "disable", "approve", "local"):
        assert command in done.stdout


@pytest.mark.parametrize("command", sorted(name.__name__ for name in _EXAMPLES))
def test_every_command_shows_an_example(command: str) -> None:
    found = CliRunner().invoke(build_app(), [command, "--help"])
    assert found.exit_code == 0
    assert f"services-ai-admin {command}" in found.stdout


@pytest.fixture
def no_cloud() -> Iterator[str]:
    """A state directory in which no local cloud runs, where an unprivileged user may pass."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        yield folder


def test_exit_codes_and_json_errors(no_cloud: str) -> None:
    home = {"SERVICES_AI_HOME": no_cloud, "HOME": no_cloud}
    assert admin("nonsense", **home).returncode == 2
    done = admin("status", "--json", AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_DEFAULT_REGION="us-east-1",
                 AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", **home)  # fmt: skip
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "aws-unreachable"
    done = admin("status", AWS_DEFAULT_REGION="us-east-1", **home)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "services-ai-admin local" in done.stderr


FAILURE = {
    "v": 1, "type": "KeyError", "message": "'SCORER_KEY'", "category": "import_error",
    "frames": [{"file": "main.py", "line": 4, "function": "<module>", "in_app": True,
                "source": [[4, 'KEY = os.environ["SCORER_KEY"]']]}],
}  # fmt: skip


def test_a_failed_first_deploy_is_found_under_the_plugins_name(world: World, run: Run) -> None:
    world.submit("alpha")
    world.deployer.fails = "alpha 1.0.0 does not start: KeyError: 'SCORER_KEY'\n  at main.py:4 in <module>"
    world.deployer.details = {"failure": FAILURE}
    with pytest.raises(FindingsError):
        world.approve("alpha")
    for command in ("status", "why", "logs", "errors"):
        text = " ".join(run(command, "alpha").stdout.split())
        assert "The deploy of 1.0.0 failed at" in text
        assert "KeyError: 'SCORER_KEY' at main.py:4 in <module>" in text
        assert "services-ai-admin approve alpha" in text
    assert "alpha 1.0.0 is not deployed." in run("status", "alpha").stdout
    assert '  >    4  KEY = os.environ["SCORER_KEY"]' in run("why", "alpha").stdout
    (row,) = data(run("status", "alpha", "--json"))["plugins"]
    assert (row["state"], row["record"]) == ("not_deployed", None)
    assert row["unfinished_deploy"]["failure"]["frames"][0]["line"] == 4
    assert data(run("why", "alpha", "--json"))["state"] == "not_deployed"


def test_while_the_recorder_is_behind_nothing_false_is_said(world: World, run: Run) -> None:
    world.deploy("alpha", raises("KeyError", "'BR'"))
    world.deploy("beta", returns(1))
    for _ in range(3):
        world.fire()
    for command in (("errors",), ("errors", "alpha"), ("logs", "alpha"), ("why", "alpha")):
        text = " ".join(run(*command).stdout.split())
        assert "Of the 3 failures that its breaker counts, 3 have no record yet" in text, command
    assert "alpha: Of the 3" in run("errors").stdout
    assert set(data(run("errors", "--json"))["unrecorded"]) == {"alpha"}
    assert "no record" not in run("errors", "beta").stdout
    world.record()
    assert "no record" not in run("errors").stdout


def test_a_process_that_ended_is_told_in_words_everywhere(world: World, run: Run) -> None:
    said = "RequestId: 0190f1e2-0000-7000-8000-000000000000 Error: Runtime exited with error: exit status 3"
    died = json.dumps({"errorType": "Runtime.ExitError", "errorMessage": said}).encode()
    world.deploy("alpha", lambda _: Invoked(200, "Unhandled", died))
    for _ in range(5):
        world.fire()
    world.record()
    (group,) = data(run("errors", "--json"))["errors"]
    assert group["message"] == said
    for command in (("status",), ("status", "alpha"), ("why", "alpha"), ("errors",), ("error", group["error"])):
        text = " ".join(run(*command).stdout.split())
        assert "Runtime.ExitError: the process ended itself with exit status 3 (os._exit" in text, command
        assert "RequestId" not in text, command


def test_a_plugin_that_this_machine_cannot_run_looks_like_one(world: World, run: Run) -> None:
    def needs_python(_: dict[str, Any]) -> Invoked:
        raise NotInvoked("InvalidRuntimeException: no", not_run="needs Python 3.14 (install it)")

    world.deployer.smoke = "not run: needs Python 3.14 (install it)"
    world.deploy("alpha", needs_python)
    world.fire()
    world.record()
    fleet = " ".join(run("status").stdout.split())
    assert "alpha 1.0.0 enabled, not run here" in fleet
    assert "alpha: calls are skipped, 1 in the last hour: needs Python 3.14 (install it)" in fleet
    assert "calls are skipped, 1 in the last hour: needs Python 3.14" in run("status", "alpha").stdout
    why = run("why", "alpha").stdout
    assert why.startswith("alpha 1.0.0 is enabled, but does not run here: its calls are skipped.")


def test_where_printed_output_is_needs_no_other_tool(incident: World, run: Run) -> None:
    group = "/aws/lambda/services-ai-plugin-territory-router"
    text = run("logs", "territory-router").stdout
    assert text.splitlines()[-1] == f"What it printed: the log group {group} of CloudWatch Logs"
    assert data(run("logs", "territory-router", "--json"))["printed"] == {"log_group": group, "file": None}


def test_a_second_reason_is_said_not_to_be_kept(incident: World, run: Run) -> None:
    run("disable", "lead-scorer", "--reason", "wrong scores")
    text = run("disable", "lead-scorer", "--reason", "again").stdout
    assert "lead-scorer is disabled already; nothing was changed, and no reason was recorded." in text
    assert ": wrong scores" in text.splitlines()[1]
    assert data(run("disable", "lead-scorer", "--reason", "again", "--json"))["reason"] == "wrong scores"
