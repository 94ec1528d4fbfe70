from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.bundler.source import open_source
from services_ai_sdk.manifest.complete import Completed, check_folder
from services_ai_sdk.manifest.load import load_manifest
from services_ai_sdk.manifest.plugin_files import own_modules, plugin_files

MANIFEST = {"name": "P", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com"}
HEAD = """\
from services_ai_sdk import ServicesAIPlugin, hookimpl

class P(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead, api):
"""


def check(folder: Path, body: str, files: dict[str, str] | None = None, **manifest: Any) -> Completed:
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST, **manifest}))
    for name, text in {"main.py": f"{HEAD}        {body}\n", **(files or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return check_folder(load_manifest(folder), folder)


def found(checked: Completed) -> list[tuple[str, str]]:
    return [(finding.code, finding.where()) for finding in checked.findings]


@pytest.mark.parametrize(
    ("body", "column"),
    [
        ("self.api.update_lead(lead.id, {})", 9),
        ("api.update_lead(lead.id, {})", 9),
        ("change = self.api.update_lead", 18),
        ("getattr(self.api, 'update_lead')(1, {})", 27),
        ("host = self.api; host.update_lead(1, {})", 26),
        ("print('日本語', self.api.update_lead(1, {}))", 22),
    ],
)
def test_what_is_used_and_not_declared_is_an_error_at_its_place(tmp_path: Path, body: str, column: int) -> None:
    checked = check(tmp_path, body, permissions=["read_leads"])
    assert found(checked) == [("permission-undeclared", f"main.py:6:{column}")]
    assert checked.manifest is None
    assert '"write_leads"' in checked.findings[0].fix
    assert check(tmp_path, body, permissions=["read_leads", "write_leads"]).findings == ()


def test_other_modules_of_the_plugin_count_and_one_finding_names_the_next_place(tmp_path: Path) -> None:
    files = {"app/more.py": "def more(api):\n    api.update_lead(2, {})\n", "tests/test_x.py": "api.get_leads()"}
    checked = check(tmp_path, "self.api.update_lead(1, {})", files)
    assert found(checked) == [("permission-undeclared", "app/more.py:2:5")]
    assert "main.py:6" in checked.findings[0].message


@pytest.mark.parametrize(
    "body",
    [
        "client.api.update_lead(1, {})",
        "api = 1",
        "return lead.update_lead()",
        "return 'self.api.update_lead()'",
    ],
)
def test_what_is_no_use_of_api_needs_no_permission(tmp_path: Path, body: str) -> None:
    assert check(tmp_path, body).findings == ()


def test_another_classs_own_api_is_not_the_plugins(tmp_path: Path) -> None:
    client = "class Client:\n    def __init__(self): self.api = object()\n    def f(self): self.api.get_leads()\n"
    module = "from x import api\ndef f(): return api.get_leads()\n"
    checked = check(tmp_path, "...", {"client.py": client, "imported.py": module})
    assert [code for code, _ in found(checked) if code.startswith(("permission", "api"))] == []


def test_what_api_does_not_have(tmp_path: Path) -> None:
    checked = check(tmp_path, "self.api.send_notificaton('x')")
    assert found(checked) == [("api-misspelt", "main.py:6:9")]
    assert checked.findings[0].fix == "did you mean send_notification?"
    checked = check(tmp_path, "self.api.launch('x')")
    assert (found(checked), checked.findings[0].severity) == ([("api-unknown", "main.py:6:9")], "warning")


def test_what_is_declared_and_never_used_is_a_warning_in_the_manifest(tmp_path: Path) -> None:
    checked = check(tmp_path, "...", permissions=["read_leads", "write_leads"])
    assert [code for code, _ in found(checked)] == ["permission-unused"]
    assert "write_leads" in checked.findings[0].message
    assert checked.manifest is not None


@pytest.mark.parametrize("body", ["if 'write_leads' in self.permissions: ...", "helper(self).update_lead(1, {})"])
def test_what_may_be_used_in_a_way_that_cannot_be_followed_is_not_called_unused(tmp_path: Path, body: str) -> None:
    assert check(tmp_path, body, permissions=["write_leads"]).findings == ()


def test_a_manifest_with_other_mistakes_still_says_what_is_declared(tmp_path: Path) -> None:
    checked = check(tmp_path, "self.api.update_lead(1, {})", version="v1", permissions=["write_leads"])
    assert [code for code, _ in found(checked)] == ["manifest-invalid"]
    checked = check(tmp_path, "self.api.update_lead(1, {})", version="v1", permissions=7)
    assert [code for code, _ in found(checked)][-1] == "permission-undeclared"
    (tmp_path / "manifest.json").write_text("{")
    assert [finding.code for finding in check_folder(load_manifest(tmp_path), tmp_path).findings] == [
        "json-invalid"
    ]


def test_the_files_are_those_that_package_takes(tmp_path: Path) -> None:
    check(tmp_path, "...")
    for name in (
        "app/x.py", "tests/t.py", "app/tests/t.py", ".venv/x.py", "env/pyvenv.cfg", "env/x.py",
        "node_modules/a.py", "__pycache__/m.pyc", "dist/a.zip", "app/build/b.py",
        "x.layer.zip", "data/a.csv", "y.egg-info/a", ".env",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1")
    (tmp_path / "link.py").symlink_to(tmp_path / "main.py")
    with open_source(tmp_path) as tree:
        taken = [(file.name, file.size_bytes) for file in tree.files]
    files = plugin_files(tmp_path)
    assert [(file.name, file.size_bytes) for file in files] == taken
    assert own_modules(files) == {"main", "app", "link"}


def test_links_out_of_the_folder_and_special_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "secret.py").write_text("api.get_leads()")
    (tmp_path / "p" / "out.py").symlink_to(tmp_path / "secret.py")
    (tmp_path / "p" / "loop.py").symlink_to(tmp_path / "p" / "loop.py")
    (tmp_path / "p" / "zero.py").symlink_to("/dev/zero")
    checked = check(tmp_path / "p", "...")
    assert checked.findings == ()


def test_every_file_that_is_no_python_is_said_in_one_run(tmp_path: Path) -> None:
    files = {"a.py": "class A(\n", "b.py": "x = 'é\n", "c.py": "(" * 5000, "d.txt": "class A("}
    checked = check(tmp_path, "...", files)
    assert [finding.file for finding in checked.findings] == ["a.py", "b.py", "c.py"]
    assert {finding.code for finding in checked.findings} == {"source-syntax"}


def test_what_is_too_much_code_is_said_and_not_read(tmp_path: Path) -> None:
    line = "x = 1  # " + "y" * 980 + "\n"
    checked = check(tmp_path, "...", {f"m{number}.py": line * 900 for number in range(12)})
    assert [finding.code for finding in checked.findings] == ["code-unchecked"]
    assert checked.manifest is not None
