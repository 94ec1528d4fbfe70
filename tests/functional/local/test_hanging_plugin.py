"""A plugin that hangs, with a host that waits exactly as long as the plugin may take."""

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

pytestmark = pytest.mark.cloud

CALLS_MAX = 8
"""Five failures and the call that is skipped; on a busy machine the fifth's confirmation does not fit its budget,
and is the next call's."""

CODE = """
import time
from services_ai_sdk import ServicesAIPlugin, hookimpl

class Patient(ServicesAIPlugin):
    @hookimpl
    def lead_updated(self, lead, context):
        while True:
            try:
                time.sleep(60)  # the territory service never answers
            except Exception:
                continue
"""


def run(cloud: Any, *command: str) -> dict[str, Any]:
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:], "--json"],
        env={**os.environ, **cloud.env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_it_is_reported_with_its_line_and_switched_off(
    cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "patient"
    folder.mkdir()
    (folder / "main.py").write_text(CODE)
    manifest = {"name": "patient", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com"}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "limits": {"timeout_s": 2}}))
    package = run(cloud, "services-ai-plugin", "package", str(folder))["package"]
    run(cloud, "services-ai-plugin", "submit", package)
    run(cloud, "services-ai-admin", "approve", "patient", "--yes")
    for name, value in {**cloud.env, "SERVICES_AI_BUDGET_MS": "2000"}.items():
        monkeypatch.setenv(name, value)
    host = PluginHost.from_env()
    answers: list[Any] = []
    while len(answers) < CALLS_MAX and (not answers or answers[-1].status != "skipped"):
        results = host.call_hook("lead_updated", **get("lead_updated").sample)
        # Others may listen too; and just after its deploy the dispatcher does not know of it yet.
        answers += [answer for answer in results if answer.plugin_id == "patient"]
    run(cloud, "services-ai-admin", "disable", "patient", "--reason", "the test is over")
    assert [answer.status for answer in answers] == ["error"] * (len(answers) - 1) + ["skipped"]
    assert len(answers) > 5
    failure = answers[1].failure
    assert failure is not None
    assert (failure.category, failure.type) == ("timeout_error", "HookTimedOut")
    top = failure.top_frame()
    assert top is not None
    assert (top.file, top.line) == ("main.py", 10)
    assert all(answer.duration_ms < 2000 for answer in answers)
