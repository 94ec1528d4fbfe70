from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.manifest.complete import Completed, check_folder
from services_ai_sdk.manifest.dangerous_rules import RULES
from services_ai_sdk.manifest.load import load_manifest

PACKAGES = ("requests", "httpx", "pyyaml", "jinja2", "torch", "paramiko", "dill")
MANIFEST = {
    "name": "P", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com",
    "network": "internet", "dependencies": {"packages": dict.fromkeys(PACKAGES, "*")},
}  # fmt: skip
TAIL = """
from services_ai_sdk import ServicesAIPlugin, hookimpl
class P(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead): ...
"""


def check(folder: Path, code: str, **files: str) -> Completed:
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    for name, text in {"main": code + TAIL, **files}.items():
        (folder / f"{name}.py").write_text(text)
    return check_folder(load_manifest(folder), folder)


# One for each rule, so that a rule without a sample fails the test below.
SAMPLES = {
    "B102": ("exec('x')", "main.py:1:1"),
    "B307": ("x = eval('1')", "main.py:1:5"),
    "B301": ("from pickle import loads as l\nx = l(b'')", "main.py:2:5"),
    "B302": ("import marshal  # services-ai: allow marshal - m\nmarshal.loads(b'')", "main.py:2:1"),
    "B306": ("import tempfile as t\n\nx = 'é' + t.mktemp()", "main.py:3:11"),
    "B506": ("import yaml\nyaml.load('a')", "main.py:2:1"),
    "B614": ("import torch\ntorch.load('a')", "main.py:2:1"),
    "B602": (
        "import subprocess  # services-ai: allow subprocess - s\nsubprocess.run('a ' + b, shell=True)",
        "main.py:2:1",
    ),
    "B202": ("import tarfile\ntarfile.open('a').extractall()", "main.py:2:1"),
    "B501": ("import requests\nrequests.get('https://x', verify=False, timeout=1)", "main.py:2:1"),
    "B323": ("import ssl\nssl._create_unverified_context()", "main.py:2:1"),
    "B507": ("import paramiko as p\nc.set_missing_host_key_policy(p.client.AutoAddPolicy)", "main.py:2:1"),
    "B113": ("def f():\n    import requests as r\n    r.get('https://x')", "main.py:3:5"),
    "B324": ("import hashlib\nhashlib.md5(b'')", "main.py:2:1"),
    "B701": ("from jinja2 import Environment\nEnvironment()", "main.py:2:1"),
}


@pytest.mark.parametrize("test_id", RULES)
def test_each_rule_finds_its_call_at_its_place_and_can_be_waived(tmp_path: Path, test_id: str) -> None:
    code, place = SAMPLES[test_id]
    rule = RULES[test_id]
    name = f"dangerous-{rule.name.replace('.', '-')}"
    found = [finding for finding in check(tmp_path, code).findings if finding.code.startswith("dangerous-")]
    assert [(finding.code, finding.where(), finding.severity) for finding in found] == [
        (name, place, rule.severity)
    ]
    line = int(place.split(":")[1])
    lines = code.split("\n")
    lines[line - 1] += f"  # services-ai: allow {rule.name} - checked"
    checked = check(tmp_path, "\n".join(lines))
    assert {finding.severity for finding in checked.findings} == {"warning"}
    assert "waiver-unused" not in {finding.code for finding in checked.findings}


@pytest.mark.parametrize(
    "code",
    [
        "x = 'exec eval pickle marshal yaml md5 verify=False'",
        "class A:\n    def exec(self): return self.exec()",
        "import yaml\nyaml.safe_load('a')\nyaml.load('a', Loader=yaml.SafeLoader)",
        "import hashlib\nhashlib.md5(b'', usedforsecurity=False)\nhashlib.sha256()",
        "import requests\nrequests.get('https://x', timeout=3)",
        "import tarfile\ntarfile.open('a').extractall('/tmp', filter='data')",
        "def evaluate(x): return x\nevaluate(1)",
        "import random, tempfile\nrandom.random()\ntempfile.mkstemp()",
    ],
)
def test_what_is_not_dangerous_says_nothing(tmp_path: Path, code: str) -> None:
    assert check(tmp_path, code).findings == ()


def test_nosec_changes_nothing_and_other_modules_are_read(tmp_path: Path) -> None:
    checked = check(tmp_path, "", other="\nexec('x')  # nosec\n")
    assert [(finding.code, finding.where()) for finding in checked.findings] == [
        ("dangerous-exec", "other.py:2:1")
    ]
    assert checked.manifest is None


def test_nesting_and_many_calls_end(tmp_path: Path) -> None:
    deep = "x = " + "f(" * 95 + "exec('a')" + ")" * 95
    chain = "y = z" + ".a()" * 300
    assert [finding.code for finding in check(tmp_path, deep).findings] == ["dangerous-exec"]
    assert check(tmp_path, chain + "\nprint('eval')").findings == ()
    many = "eval\n" + "f(1); f(2); f(3); f(4)\n" * 10_000
    (finding,) = check(tmp_path, "", many=many).findings
    assert (finding.code, finding.file, finding.severity) == ("code-unchecked", "many.py", "warning")


def test_bandit_is_loaded_only_where_it_could_find_something_and_prints_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from services_ai_sdk.manifest.complete import check_folder\n"
        "from services_ai_sdk.manifest.load import load_manifest\n"
        "folder = Path(sys.argv[1]); check_folder(load_manifest(folder), folder)\n"
        "print('bandit' in sys.modules, 'detect_secrets' in sys.modules)"
    )

    def run() -> Any:
        return subprocess.run(
            [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
        )

    check(tmp_path, "")
    assert run().stdout == "False False\n"
    check(tmp_path, "exec('x')")
    loaded = run()
    assert (loaded.stdout.split()[0], loaded.stderr) == ("True", "")
