"""One edit of a good plugin each, and exactly what `validate` has to say about it: code, place and fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from services_ai_sdk.cli.main import app
from services_ai_sdk.cli.running import run

GOOD = {
    "manifest.json": """\
{
  "name": "Greeter",
  "version": "1.0.0",
  "description": "Greets each new lead.",
  "author": "Ann",
  "email": "ann@example.com",
  "dependencies": {"packages": {"requests": ">=2.28.0"}},
  "permissions": ["read_leads", "send_notifications"],
  "settings": {"greeting": {"type": "string", "default": "Hello"}},
  "limits": {"memory_mb": 256, "timeout_s": 5},
  "hooks": ["lead_created"]
}
""",
    "main.py": """\
from typing import Any

import requests
from helpers import polite
from services_ai_sdk import ServicesAIPlugin, hookimpl


class Greeter(ServicesAIPlugin):
    @hookimpl(priority=10)
    def lead_created(self, lead: Any, context: Any) -> dict[str, Any]:
        self.api.send_notification(polite(lead["name"]))
        requests.get("https://api.example.com", timeout=3)
        return {"greeting": self.settings.greeting}
""",
    "helpers.py": """\
import os


def polite(name: str) -> str:
    return f"Dear {name} of {os.environ.get('TZ')}"
""",
}


class Way(NamedTuple):
    """Text that is replaced in one file, and what is said of it.

    Attributes:
        found: Severity, code and place of each finding, in order.
        fix: What the first one's fix begins with.
    """

    file: str
    old: str
    new: str
    found: str
    fix: str


MANIFEST, MAIN, HELPERS = "manifest.json", "main.py", "helpers.py"

WAYS = {
    # the manifest's text
    "a comma too many": Way(MANIFEST, '["lead_created"]\n', '["lead_created"],\n',
        "error json-invalid manifest.json:12:1", "delete the comma before it"),
    "single quotes": Way(MANIFEST, '"author"', "'author'",
        "error json-invalid manifest.json:5:3", "JSON has double quotes only"),
    "a key twice": Way(MANIFEST, '"author": "Ann"', '"name": "Ann"',
        "error manifest-invalid manifest.json:1:1 error json-duplicate-key manifest.json:5:3", 'add "author"'),
    "NaN": Way(MANIFEST, '"timeout_s": 5', '"timeout_s": NaN',
        "error json-nan manifest.json:10:45 error manifest-invalid manifest.json:10:45", "write a number"),
    # its fields
    "a field is missing": Way(MANIFEST, '  "email": "ann@example.com",\n', "",
        "error manifest-invalid manifest.json:1:1", '"email": "you@example.com"'),
    "a field is misspelt": Way(MANIFEST, '"limits"', '"limit"',
        "warning manifest-unknown-field manifest.json:10:3", "did you mean 'limits'?"),
    "a version that is none": Way(MANIFEST, '"1.0.0"', '"v1"',
        "error manifest-invalid manifest.json:3:14", '"version": "1.0.0"'),
    "a limit beyond Lambda's": Way(MANIFEST, '"memory_mb": 256', '"memory_mb": 64',
        "error manifest-invalid manifest.json:10:27", ""),
    "a dependency's spec": Way(MANIFEST, ">=2.28.0", ">=2.28.0 || ^1",
        "error dependency-spec-invalid manifest.json:7:55", "did you mean: >=1"),
    "a default of another type": Way(MANIFEST, '"default": "Hello"', '"default": 7',
        "error manifest-invalid manifest.json:9:28", ""),
    "a secret with a default": Way(MANIFEST, '"default": "Hello"', '"secret": true, "default": "x"',
        "error manifest-invalid manifest.json:9:28", ""),
    # hooks
    "a hook of the manifest is misspelt": Way(MANIFEST, '"lead_created"', '"lead_craeted"',
        "error hook-misspelt manifest.json:11:13", "did you mean lead_created?"),
    "a hook that the class lacks": Way(MANIFEST, '["lead_created"]', '["lead_created", "lead_updated"]',
        "error hook-not-implemented manifest.json:11:29", "add def lead_updated(self, …) with @hookimpl"),
    "a hook of the class is misspelt": Way(MAIN, "def lead_created", "def lead_craeted",
        "error hook-misspelt main.py:10:9 error hook-not-implemented manifest.json:11:13",
        "did you mean lead_created?"),
    "a parameter that the hook lacks": Way(MAIN, "context: Any", "contxt: Any",
        "error hook-parameter-unknown main.py:10:39", "did you mean context?"),
    "no decorator": Way(MAIN, "    @hookimpl(priority=10)\n", "",
        "warning hook-undecorated main.py:9:9", "write @hookimpl above it"),
    "an async hook": Way(MAIN, "def lead_created", "async def lead_created",
        "error hook-async main.py:10:15", "def instead of async def"),
    "a priority that is none": Way(MAIN, "priority=10", 'priority="first"',
        "error hook-priority main.py:9:24", "priority=50"),
    # the class
    "no base class": Way(MAIN, "Greeter(ServicesAIPlugin)", "Greeter",
        "warning plugin-base-missing main.py:8:7", "class Greeter(ServicesAIPlugin)"),
    "no such entry point": Way(MANIFEST, '"author"', '"entry_point": "app.py", "author"',
        "error entry-point-missing app.py", 'set "entry_point" to one of helpers.py, main.py'),
    "broken syntax in another module": Way(HELPERS, "-> str:", "-> str",
        "error source-syntax helpers.py:4:29", ""),
    # permissions
    "a permission is not declared": Way(MANIFEST, ', "send_notifications"', "",
        "error permission-undeclared main.py:11:9", 'add "send_notifications" to "permissions"'),
    "a permission is not used": Way(MANIFEST, '"read_leads"', '"read_leads", "write_leads"',
        "warning permission-unused manifest.json:8:33", "delete it"),
    "a permission is misspelt": Way(MANIFEST, '"read_leads"', '"read_lead"',
        "error permission-misspelt manifest.json:8:19", "did you mean read_leads?"),
    "a method that api lacks": Way(MAIN, "send_notification(", "send_notificaton(",
        "error api-misspelt main.py:11:9 warning permission-unused manifest.json:8:33",
        "did you mean send_notification?"),
    # imports
    "a refused module": Way(HELPERS, "import os\n", "import os, subprocess\n",
        "error import-refused helpers.py:1:12", "do without it"),
    "a refused function": Way(HELPERS, "os.environ.get('TZ')", "os.system('date')",
        "error import-refused helpers.py:5:30", "do without it"),
    "a dependency is not declared": Way(MAIN, "import requests\n", "import requests, yaml\n",
        "error import-undeclared main.py:3:18", 'add "pyyaml": "*" to "dependencies"'),
    "a waiver without a reason": Way(HELPERS, "import os\n", "import os, ctypes  # services-ai: allow ctypes\n",
        "error waiver-without-reason helpers.py:1:20", "# services-ai: allow ctypes - why"),
    "a waiver with a reason": Way(HELPERS, "import os\n", "import os, ctypes  # services-ai: allow ctypes - x\n",
        "warning import-refused helpers.py:1:12", "an admin decides"),
    # what code does, and what it carries
    "eval": Way(HELPERS, "os.environ.get('TZ')", "eval('1')",
        "error dangerous-eval helpers.py:5:30", "ast.literal_eval"),
    "no timeout": Way(MAIN, ", timeout=3", "",
        "warning dangerous-timeout main.py:12:9", "timeout=3"),
    "nobody checks who answers": Way(MAIN, "timeout=3", "timeout=3, verify=False",
        "error dangerous-verify main.py:12:9", "leave verify=False out"),
    "a token": Way(HELPERS, "import os\n", "import os\nTOKEN = 'ghp_" + "Qm7Zt2Xk9Rb4" * 3 + "'\n",
        "error secret-embedded helpers.py:2:10", 'make it a setting with "secret": true'),
    "a password": Way(MAIN, "timeout=3", 'password="h7nter2x9", timeout=3',
        "warning secret-suspected main.py:12:59", 'make it a setting with "secret": true'),
}  # fmt: skip


@pytest.fixture
def good(tmp_path: Path) -> Path:
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_good_plugin_is_good(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["validate", str(good)]) == 0
    assert capsys.readouterr().out.startswith("greeter 1.0.0: ok (lead_created)\n")


@pytest.mark.parametrize("name", WAYS)
def test_each_way_to_break_it_has_its_place_and_its_fix(
    good: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    way = WAYS[name]
    assert GOOD[way.file].count(way.old) == 1
    (good / way.file).write_text(GOOD[way.file].replace(way.old, way.new))
    code = run(app, ["validate", str(good), "--json"])
    answer = json.loads(capsys.readouterr().out)
    findings = answer["findings"]
    places = (
        ":".join(str(part) for part in (finding["file"], finding["line"], finding["column"]) if part)
        for finding in findings
    )
    said = [
        f"{finding['severity']} {finding['code']} {place}" for finding, place in zip(findings, places, strict=True)
    ]
    assert " ".join(said) == way.found
    assert findings[0]["fix"].startswith(way.fix)
    assert code == (1 if "error " in way.found else 0)
    assert run(app, ["validate", str(good)]) == code
    text = capsys.readouterr().out
    for finding in findings:
        assert f"{finding['severity']}[{finding['code']}]" in text


def said(finding: dict[str, Any]) -> str:
    place = ":".join(str(part) for part in (finding["file"], finding["line"], finding["column"]) if part)
    return f"{finding['severity']} {finding['code']} {place}"


def test_all_of_them_at_once_are_said_in_one_run(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    together = [
        "a parameter that the hook lacks",
        "a limit beyond Lambda's",
        "eval",
        "a dependency is not declared",
        "a permission is not declared",
        "a refused module",
    ]
    for name in together:
        way = WAYS[name]
        path = good / way.file
        path.write_text(path.read_text().replace(way.old, way.new))
    assert run(app, ["validate", str(good), "--json"]) == 1
    codes = {finding["code"] for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert codes == {WAYS[name].found.split()[1] for name in together}


def test_the_plugin_is_not_changed_by_looking_at_it(good: Path) -> None:
    def state() -> dict[str, tuple[bytes, int]]:
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in good.iterdir()}

    before = state()
    run(app, ["validate", str(good)])
    assert state() == before
