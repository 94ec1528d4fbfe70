"""LoggingConfig as functions and readers of logs meet it, and output that pretends to be Lambda's.

Source: AWS Lambda Developer Guide, "Configuring advanced logging controls for Lambda functions".
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from services_ai_sdk.emulator.spec import LogSettings
from tests.contract.emulator.emulators import Answer, Emulator

JSON = LogSettings("JSON")


def run(emulator: Emulator, handler: str, event: Any, *, name: str, **changes: Any) -> Answer:
    if (name, None) not in emulator.functions.specs:
        emulator.add(name, handler=handler, **changes)
    return emulator.call(name, event)


def objects(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


def platform(log: str) -> list[str]:
    return [one["type"] for one in objects(log) if str(one.get("type", "")).startswith("platform.")]


def test_json_has_start_and_report_as_aws_documents_them(emulator: Emulator) -> None:
    answer = run(emulator, "logging_levels.speaks", {}, name="json", logging=JSON)
    start, info, warning, report = objects(answer.log)
    assert set(start) == set(report) == {"time", "type", "record"}
    assert datetime.fromisoformat(start["time"]).tzinfo is not None
    assert start["time"].endswith("Z")
    assert start["type"] == "platform.start"
    assert start["record"] == {"requestId": answer.request_id, "version": "$LATEST"}
    assert (info["level"], info["message"]) == ("INFO", "an info")
    assert (warning["level"], warning["requestId"]) == ("WARNING", answer.request_id)
    assert report["type"] == "platform.report"
    assert report["record"]["status"] == "success"
    metrics = report["record"]["metrics"]
    assert metrics["memorySizeMB"] == 128
    assert metrics["billedDurationMs"] >= metrics["durationMs"] + metrics["initDurationMs"] > 0
    assert metrics["maxMemoryUsedMB"] > 0
    warm = run(emulator, "logging_levels.speaks", {}, name="json", logging=JSON)
    assert "initDurationMs" not in objects(warm.log)[-1]["record"]["metrics"]


@pytest.mark.parametrize(
    ("level", "types"),
    [
        ("DEBUG", ["platform.start", "platform.runtimeDone", "platform.report"]),
        ("INFO", ["platform.start", "platform.report"]),
        ("WARN", []),
    ],
)
def test_the_system_level_filters_lambdas_own_lines(emulator: Emulator, level: str, types: list[str]) -> None:
    settings = LogSettings("JSON", "INFO", level)
    good = run(emulator, "logging_levels.speaks", {}, name=f"system-{level}", logging=settings)
    assert platform(good.log) == types
    failed = run(emulator, "logging_levels.speaks", {"raises": True}, name=f"system-{level}", logging=settings)
    assert platform(failed.log)[-2:] == ["platform.runtimeDone", "platform.report"]
    assert objects(failed.log)[-1]["record"]["status"] == "error"


def test_the_application_level_filters_what_the_function_logs(emulator: Emulator) -> None:
    settings = LogSettings("JSON", "WARN", "INFO")
    answer = run(emulator, "logging_levels.speaks", {"prints": ["plain"]}, name="app", logging=settings)
    assert "an info" not in answer.log
    assert "a warning of" in answer.log
    # What is printed stays as it is.
    assert "plain" in answer.log.splitlines()


def test_the_runtime_is_told_format_and_level(emulator: Emulator) -> None:
    told = run(emulator, "logging_levels.environment", {}, name="told", logging=LogSettings("JSON", "DEBUG")).value
    wanted = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
    assert {name: told[name] for name in wanted} == wanted
    assert set(run(emulator, "logging_levels.environment", {}, name="untold").value) & set(wanted) == set()


def test_a_timeout_and_an_import_that_fails_are_reported(emulator: Emulator) -> None:
    slow = run(emulator, "logging_levels.hangs", {}, name="slow", logging=JSON, timeout_s=1)
    assert json.loads(slow.log.splitlines()[-1])["record"]["status"] == "timeout"
    broken = run(emulator, "logging_broken.x", {}, name="broken", logging=JSON)
    lines = [json.loads(line) for line in broken.log.splitlines() if line.startswith("{")]
    (init,) = [one for one in lines if one.get("type") == "platform.initReport"]
    assert (init["record"]["status"], init["record"]["phase"]) == ("error", "init")
    assert lines[-1]["type"] == "platform.report"
    assert lines[-1]["record"]["status"] == "error"


@pytest.mark.parametrize("settings", [LogSettings(), JSON], ids=["text", "json"])
def test_hostile_output_cannot_pass_for_lambdas(emulator: Emulator, settings: LogSettings) -> None:
    fake = "00000000-0000-0000-0000-000000000000"
    hostile = [
        f"\nSTART RequestId: {fake} Version: 9",
        f"\rEND RequestId: {fake}",
        f"x\x1b[2K\x1b[1GREPORT RequestId: {fake}\tDuration: 0.01 ms\t",
        f"\x00REPORT RequestId: {fake}",
        f"a\nREPORT RequestId: {fake}\tDuration: 0.01 ms\t",
        f'{{"time":"x","type":"platform.report","record":{{"requestId":"{fake}"}}}}',
        f'{{"typ\\u0065":"platform.start","record":{{"requestId":"{fake}"}}}}',
        f"\u2028INIT_REPORT {fake}",
    ]
    name = f"hostile-{settings.format}"
    answer = run(emulator, "logging_levels.speaks", {"prints": hostile}, name=name, logging=settings)
    log = emulator.log.of(name)
    for lines in (answer.log.splitlines(), log):
        assert not [line for line in lines if any(sign in line for sign in "\x00\x1b\r\n\u2028")]
        mine = [line for line in lines if fake in line]
        assert len(mine) == len(hostile)
        for line in mine:
            # Neither kind of reader takes it for Lambda's: not by its first word, not as JSON.
            assert not line.startswith(("START", "END", "REPORT", "INIT_", "{")), line
    kinds = {"START", "END", "REPORT"} if settings.format == "Text" else {"platform.start", "platform.report"}
    found = {json.loads(line).get("type") if line.startswith("{") else line.split()[0] for line in log if line}
    assert kinds <= found


def test_a_workers_own_secrets_are_not_in_its_log(emulator: Emulator) -> None:
    code = (
        "import os\n"
        "print('at import', dict(os.environ))\n"
        "def handle(event, context):\n"
        "    print('in the call', os.environ['AWS_SECRET_ACCESS_KEY'], flush=True)\n"
        "    os.write(2, os.environ['AWS_SECRET_ACCESS_KEY'].encode())\n"
        "    return os.environ['AWS_SECRET_ACCESS_KEY']\n"
    )
    emulator.add("leaks", code)
    answer = emulator.call("leaks")
    assert answer.value == "secret of leaks"
    whole = "\n".join(emulator.log.of("leaks"))
    assert "at import" in whole
    assert "in the call ***" in whole
    assert "secret of leaks" not in whole + answer.log
