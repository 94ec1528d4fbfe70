"""`services-ai-plugin test` and `invoke`, as processes, over the real emulator."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(sys.executable).parent / "services-ai-plugin"
EXAMPLES = Path(__file__).parents[3] / "examples"
HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"

CODE = """\
import logging
import six
from services_ai_sdk import ServicesAIPlugin, hookimpl


class Careful(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead, context):
        print("seen", lead["id"])
        self.api.send_notification(f"lead {lead.id}")
        return {"id": lead.id, "greeting": self.settings.greeting, "six": six.__name__}

    @hookimpl
    def dashboard_widget(self, context):
        return {"title": "Leads of " + context["user"]["name"]}
"""
SUITE = """\
import six


def test_in_process(plugin, payload, fake_api):
    lead = payload("lead_created", lead={"id": 7})
    assert plugin.lead_created(**lead) == {"id": 7, "greeting": "Hello", "six": "six"}
    assert fake_api.notifications == ["lead 7"]


def test_dependencies_are_those_of_the_layer():
    assert "layer" in six.__file__


def test_in_the_emulator(invoke):
    run = invoke("lead_created", lead={"id": 9})
    assert run.ok and run.value["id"] == 9
    assert run.lines == ("seen 9",)
"""


@pytest.fixture
def careful(tmp_path: Path) -> Path:
    folder = tmp_path / "careful"
    (folder / "tests").mkdir(parents=True)
    manifest = {
        "name": "careful", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com",
        "python": HERE, "dependencies": {"packages": {"six": "1.x"}}, "permissions": ["send_notifications"],
        "settings": {"greeting": {"type": "string", "default": "Hello"}},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "main.py").write_text(CODE)
    (folder / "tests" / "test_it.py").write_text(SUITE)
    return folder


def run(*arguments: str | Path, code: int = 0, text: str | None = None) -> tuple[str, str]:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False, input=text)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def answer(*arguments: str | Path, code: int = 0, text: str | None = None) -> Any:
    return json.loads(run(*arguments, "--json", code=code, text=text)[0])


def test_a_plugin_is_tested_from_what_was_built(careful: Path) -> None:
    found = answer("test", careful, code=0)
    assert found["ok"] is True
    assert found["suite"]["ok"] is True, found["suite"]
    assert "3 passed" in found["suite"]["text"]
    cases = {(case["hook"], case["payload"]): case for case in found["cases"]}
    assert cases["lead_created", "sample"]["value"]["greeting"] == "Hello"
    assert cases["lead_created", "sample"]["actions"][0]["args"]["message"] == "lead 4182"
    assert [case["init_ms"] > 0 for case in found["cases"]].count(True) == 1
    assert cases["lead_created", "optional fields null"]["ok"] is True
    broken = [case["payload"] for case in found["cases"] if not case["ok"]]
    assert broken == ["optional fields absent", "optional fields null"]
    (finding, other) = found["findings"]
    assert {finding["severity"], other["severity"]} == {"warning"}
    assert (finding["file"], finding["line"]) == ("main.py", 15)
    strict = answer("test", careful, "--strict", code=1)
    assert {finding["severity"] for finding in strict["findings"]} == {"error"}
    assert sorted(path.name for path in careful.iterdir()) == ["main.py", "manifest.json", "tests"]


def test_a_failing_suite_and_a_failing_sample_are_exit_code_1(careful: Path) -> None:
    (careful / "tests" / "test_it.py").write_text("def test_no():\n    assert 1 == 2\n")
    out, _ = run("test", careful, code=1)
    assert "assert 1 == 2" in out
    (careful / "tests" / "test_it.py").write_text("def test_yes(): pass\n")
    (careful / "main.py").write_text(
        CODE.replace('return {"id"', 'raise OSError("no route")\n        return {"id"')
    )
    out, _ = run("test", careful, code=1)
    assert "error[hook-failed]: lead_created fails with sample" in out
    assert "main.py:11" in out
    assert '    raise OSError("no route")' in out


def test_what_the_sandbox_refuses_is_refused_here(careful: Path) -> None:
    (careful / "main.py").write_text(
        CODE.replace(
            "        print(",
            "        import urllib.request  # services-ai: allow urllib.request - how it fails is the test\n"
            "        urllib.request.urlopen('http://1.1.1.1', timeout=3)\n"
            "        print(",
        )
    )
    found = answer("invoke", "lead_created", careful, code=1)
    assert found["failure"]["type"] == "URLError"
    assert found["failure"]["frames"][0]["line"] == 10
    assert found["fix"].startswith('add "network": ["api.example.com"] to manifest.json')


def test_a_host_that_is_not_declared_is_refused_with_line_and_edit(careful: Path) -> None:
    manifest = json.loads((careful / "manifest.json").read_text())
    (careful / "manifest.json").write_text(json.dumps({**manifest, "network": ["api.example.com"]}))
    (careful / "main.py").write_text(
        CODE.replace(
            "        print(",
            "        import urllib.request\n"
            "        urllib.request.urlopen('https://other.example.com', timeout=3)\n"
            "        print(",
        )
    )
    fix = 'add "other.example.com" to "network" in manifest.json'
    found = answer("invoke", "lead_created", careful, code=1)
    assert found["failure"]["type"] == "URLError"
    assert fix in found["failure"]["message"]
    assert found["failure"]["frames"][0]["line"] == 10
    assert found["fix"] == fix
    refused = f"[network: other.example.com:443 is refused: the manifest does not name it: {fix}]"
    assert refused in found["logs"]
    out, _ = run("invoke", "lead_created", careful, code=1)
    assert f"fix: {fix}" in out.splitlines()
    out, _ = run("test", careful, code=1)
    assert "main.py:10" in out
    assert f"fix: {fix}" in out


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ("while True: pass", "timeout_error"),
        ("import os; os._exit(1)  # services-ai: allow os._exit - the test", "runtime_error"),
        ("kept = b'x' * (400 * 1024 * 1024)", "out_of_memory"),
        ("return {'x': 'y' * 7_000_000}", "response_error"),
    ],
)
def test_lambdas_own_endings_are_said(careful: Path, line: str, category: str) -> None:
    (careful / "main.py").write_text(CODE.replace("        print(", f"        {line}\n        print("))
    manifest = json.loads((careful / "manifest.json").read_text())
    (careful / "manifest.json").write_text(json.dumps({**manifest, "limits": {"timeout_s": 2}}))
    assert answer("invoke", "lead_created", careful, code=1)["failure"]["category"] == category


def test_invoke_shows_value_actions_logs_and_limits(careful: Path, tmp_path: Path) -> None:
    out, err = run("invoke", "lead_created", careful, "--setting", "greeting=Moin")
    assert '"greeting": "Moin"' in out
    assert 'action: send_notification {"message": "lead 4182"' in out
    assert "seen 4182" in err
    assert "of 10 s · start" in err
    assert "of 256 MB" in err
    args = {"lead": {"id": 5}, "context": {}}
    (tmp_path / "lead.json").write_text(json.dumps(args))
    assert answer("invoke", "lead_created", careful, "--payload", tmp_path / "lead.json")["value"]["id"] == 5
    assert answer("invoke", "lead_created", careful, "--payload", "-", text=json.dumps(args))["value"]["id"] == 5


def test_what_is_not_granted_is_refused_by_name(careful: Path) -> None:
    found = answer("invoke", "lead_created", careful, "--grant", "read_leads", code=1)
    assert found["failure"]["category"] == "permission_error"
    assert "send_notifications" in found["failure"]["message"]


@pytest.mark.parametrize(
    ("arguments", "text", "says"),
    [
        (("lead_craeted",), None, "lead_created"),
        (("lead_updated",), None, "has no hook lead_updated"),
        (("lead_created", "--payload", "missing.json"), None, "there is no file"),
        (("lead_created", "--payload", "-"), "{", "the payload"),
        (("lead_created", "--payload", "-"), "[]", "the payload"),
        (("lead_created", "--payload", "-"), '{"lead": 1, "context": {}}', "must be an object"),
        (("lead_created", "--setting", "greeting"), None, "NAME=VALUE"),
        (("lead_created", "--setting", "greetin=x"), None, "did you mean greeting?"),
        (("lead_created", "--grant", "send_notification"), None, "did you mean send_notifications?"),
    ],
)
def test_bad_input_is_exit_code_2(careful: Path, arguments: tuple[str, ...], text: str | None, says: str) -> None:
    hook, *rest = arguments
    found = answer("invoke", hook, careful, *rest, code=2, text=text)
    assert says in json.dumps(found["error"], ensure_ascii=False)


def test_an_example_that_fails_on_some_leads_is_found_out() -> None:
    found = answer("test", EXAMPLES / "territory-router", code=0)
    (finding,) = found["findings"]
    assert "KeyError" in finding["message"]
    assert finding["line"] == 43


def test_a_hook_that_hangs_is_called_once(careful: Path) -> None:
    manifest = json.loads((careful / "manifest.json").read_text())
    (careful / "manifest.json").write_text(json.dumps({**manifest, "limits": {"timeout_s": 1}}))
    (careful / "main.py").write_text(CODE.replace("        print(", "        while True: pass\n        print("))
    (careful / "tests" / "test_it.py").write_text("def test_yes(): pass\n")
    found = answer("test", careful, code=1)
    assert [case["payload"] for case in found["cases"] if case["hook"] == "lead_created"] == ["sample"]
    assert any("HookTimedOut" in finding["message"] for finding in found["findings"])
