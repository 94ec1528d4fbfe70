"""Files that would take the place of Python's modules or the platform's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services_ai_sdk.manifest.complete import check_folder
from services_ai_sdk.manifest.load import load_manifest

MANIFEST = {"name": "Demo", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com"}
CODE = """from services_ai_sdk import ServicesAIPlugin, hookimpl


class Demo(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead):
        return None
"""


def found(folder: Path, name: str, entry_point: str = "main.py") -> set[str]:
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST, "entry_point": entry_point}))
    for file, text in {name: "", entry_point: CODE}.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    findings = check_folder(load_manifest(folder), folder).findings
    return {finding.code for finding in findings if finding.file == name and str(finding.severity) == "error"}


@pytest.mark.parametrize(
    "name",
    ["json.py", "typing.py", "queue/__init__.py", "services_ai_sdk/x.py", "awslambdaric.py", "sitecustomize.py",
     "usercustomize/__init__.py", "start.pth", "deep/er/start.pth", "json.cpython-311-x86_64-linux-gnu.so"],
)  # fmt: skip
def test_what_hides_is_an_error(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, name) == {"module-hides"}


@pytest.mark.parametrize(
    "name",
    ["json_of_mine.py", "app/json.py", "html/index.html", "email/template.txt", "cgi.py", "data.json",
     "app/sitecustomize.py"],
)  # fmt: skip
def test_what_hides_nothing_is_none(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, name) == set()


def test_the_entry_point_may_be_called_as_it_likes(tmp_path: Path) -> None:
    assert found(tmp_path, "calendar.py", "calendar.py") == set()
