"""`./dev demo --plugin` with plugins that nobody has seen before."""

from __future__ import annotations

import json
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest


def write_plugin(folder: Path, code: str, **manifest: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(textwrap.dedent(code))
    base = {"name": folder.name, "version": "0.1.0", "description": "d", "author": "a", "email": "a@example.com"}
    (folder / "manifest.json").write_text(json.dumps({**base, **manifest}))
    return folder


def test_a_plugin_nobody_has_seen_runs_without_its_source(other_demo: Any, tmp_path: Path) -> None:
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

    answer = other_demo.json("--plugin", str(source), on_line=remove)
    assert removed
    values = {call["hook"]: call["value"] for call in answer["calls"]}
    assert values["lead_created"]["idna"] == "xn--bcher-kva.example"
    assert values["dashboard_widget"] == {"title": "Greetings"}
    assert answer["notifications"] == []
    fleet = answer["screen"][answer["screen"].index("7. The fleet") :]
    (row,) = [line.split() for line in fleet.splitlines() if line.split()[:1] == ["greeter"]]
    # PLUGIN VERSION STATE SINCE (number, unit) CALLS/H ERRORS
    assert row[5:7] == ["2", "0"], "both calls are counted before the table is printed"


def test_a_plugin_that_always_fails_is_switched_off(other_demo: Any, tmp_path: Path) -> None:
    source = write_plugin(
        tmp_path / "broken",
        """
        from services_ai_sdk import ServicesAIPlugin

        class Broken(ServicesAIPlugin):
            def lead_updated(self, lead, changes, context):
                raise RuntimeError("the territory service is gone")
        """,
    )
    answer = other_demo.json("--plugin", str(source))
    assert [call["status"] for call in answer["calls"]] == ["error"] * 5 + ["skipped"]
    assert answer["plugins"][0]["state"] == "auto_disabled"
    assert any(alert["attributes"]["kind"] == "auto_disabled" for alert in answer["notifications"])


def test_a_plugin_that_does_not_start_is_told_by_its_line(other_demo: Any, tmp_path: Path) -> None:
    source = write_plugin(
        tmp_path / "keyless",
        """
        import os
        from services_ai_sdk import ServicesAIPlugin

        class Keyless(ServicesAIPlugin):
            def __init__(self):
                self.key = os.environ["SCORER_KEY"]

            def lead_created(self, lead, context):
                return self.key
        """,
    )
    code, out, err = other_demo.run("--plugin", str(source), "--json")
    assert code == 1
    error = json.loads(out)["error"]
    assert error["code"] == "smoke-failed"
    assert error["details"]["failure"]["type"] == "KeyError"
    for part in ("KeyError: 'SCORER_KEY'", "main.py:7 in Keyless.__init__", 'self.key = os.environ["SCORER_KEY"]'):
        assert part in error["message"]
        assert part in err
    assert "The deploy of 0.1.0 failed" in other_demo.admin("why", "keyless")


def test_a_plugin_that_does_not_import_is_never_submitted(other_demo: Any, tmp_path: Path) -> None:
    source = write_plugin(
        tmp_path / "importless",
        """
        from services_ai_sdk import ServicesAIPlugin

        RATE = 1 / 0

        class Importless(ServicesAIPlugin):
            def lead_created(self, lead, context):
                return None
        """,
    )
    code, out, _ = other_demo.run("--plugin", str(source), "--json")
    assert code == 1
    error = json.loads(out)["error"]
    assert error["code"] == "import-failed"
    assert "ZeroDivisionError at main.py:4" in error["message"]


@pytest.mark.parametrize(("kind", "expected"), [("missing", 2), ("no manifest", 2), ("broken zip", 2)])
def test_a_path_that_is_no_plugin_ends_with_what_to_do(
    other_demo: Any, tmp_path: Path, kind: str, expected: int
) -> None:
    path = tmp_path / "thing"
    if kind == "no manifest":
        path.mkdir()
    elif kind == "broken zip":
        path = tmp_path / "thing.zip"
        path.write_bytes(b"PK\x03\x04 not a zip")
    code, out, err = other_demo.run("--plugin", str(path), "--json")
    assert code == expected
    answer = json.loads(out)
    assert answer["ok"] is False
    assert answer["error"]["message"]
    assert "Traceback" not in err


def test_a_path_that_is_no_plugin_leaves_the_local_cloud_as_it_is(other_demo: Any, tmp_path: Path) -> None:
    source = write_plugin(
        tmp_path / "kept",
        """
        from services_ai_sdk import ServicesAIPlugin

        class Kept(ServicesAIPlugin):
            def dashboard_widget(self, context):
                return {"title": "kept"}
        """,
    )
    other_demo.json("--plugin", str(source))
    (source / "manifest.json").write_text("{")
    code, _, _ = other_demo.run("--plugin", str(source))
    assert code == 1
    assert "kept" in other_demo.admin("status")
