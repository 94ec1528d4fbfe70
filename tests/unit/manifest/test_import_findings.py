from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.manifest.complete import Completed, check_folder
from services_ai_sdk.manifest.import_names import package_of, provided
from services_ai_sdk.manifest.load import load_manifest
from services_ai_sdk.plugin.import_rules import NETWORK, PluginImportRestriction, is_standard

MANIFEST = {"name": "P", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com"}
TAIL = """
from services_ai_sdk import ServicesAIPlugin, hookimpl
class P(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead): ...
"""
NONE: frozenset[str] = frozenset()


def check(folder: Path, code: str, files: dict[str, str] | None = None, **manifest: Any) -> Completed:
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST, **manifest}))
    for name, text in {"main.py": code + TAIL, **(files or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return check_folder(load_manifest(folder), folder)


def found(checked: Completed) -> list[tuple[str, str]]:
    return [(finding.code, finding.where()) for finding in checked.findings]


def packages(*names: str) -> dict[str, Any]:
    return {"dependencies": {"packages": dict.fromkeys(names, "*")}}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("subprocess", "starts processes"),
        ("os.system", "starts processes"),
        ("os.execv", "replaces"),
        ("ctypes", "memory"),
        ("ctypes.util", "memory"),
        ("socket", "raw connections"),
        ("multiprocessing.pool", "ThreadPoolExecutor"),
        ("concurrent.futures.ProcessPoolExecutor", "ThreadPoolExecutor"),
        ("signal", "raise an exception"),
        ("importlib.machinery", "read beforehand"),
        ("imp", "not in Python any more"),
        ("http.client", '"network"'),
        ("urllib.request.urlopen", '"network"'),
        ("_socket", "not among the standard modules that were reviewed"),
        ("requests", "declared dependency"),
    ],
)
def test_what_is_refused_has_its_reason(name: str, words: str) -> None:
    assert words in (PluginImportRestriction().allows(name, declared=NONE) or "")


@pytest.mark.parametrize(
    "name",
    ["json", "os", "os.environ", "os.path.join", "http.HTTPStatus", "urllib.parse", "importlib.metadata.version",
     "concurrent.futures.ThreadPoolExecutor", "asyncio.run", "xml.etree.ElementTree", "services_ai_sdk.hooks"],
)  # fmt: skip
def test_what_everybody_needs_is_allowed(name: str) -> None:
    assert PluginImportRestriction().allows(name, declared=NONE) is None


def test_a_dependency_or_a_module_that_is_called_like_a_refused_one_does_not_allow_it() -> None:
    names = frozenset({"socket", "ctypes", "os", "imp", "requests"})
    rules = PluginImportRestriction(names)
    assert rules.allows("socket", declared=names)
    assert rules.allows("ctypes", declared=NONE)
    assert rules.allows("os.system", declared=names)
    assert rules.allows("imp", declared=NONE) is None  # gone from Python: it is the plugin's own
    assert rules.allows("requests.get", declared=NONE) is None
    assert PluginImportRestriction().allows("requests.get", declared=names) is None
    assert PluginImportRestriction().allows("urllib.request", declared=NETWORK) is None


def test_every_standard_module_has_a_decision_or_is_refused() -> None:
    rules = PluginImportRestriction()
    undecided = {
        name
        for name in sys.stdlib_module_names
        if not name.startswith("_") and "reviewed" in (rules.allows(name, declared=NONE) or "")
    }
    assert undecided <= {"nturl2path", "pydoc_data", "sre_compile", "sre_constants", "sre_parse", "tabnanny"}
    assert all(is_standard(name) for name in sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("import subprocess", "main.py:1:8"),
        ("import json, socket as s", "main.py:1:14"),
        ("from os import path, system", "main.py:1:22"),
        ("import os\nos.system('ls')", "main.py:2:1"),
        ("import os as o\ndef f(): return o.popen('ls')", "main.py:2:17"),
        ("from concurrent import futures\nfutures.ProcessPoolExecutor()", "main.py:2:1"),
        ("def f():\n    from signal import (\n        signal,\n    )", "main.py:3:9"),
        ("import importlib\nimportlib.import_module('socket')", "main.py:2:25"),
        ("from importlib import import_module as im, import_module\nimport_module(name='socket')", "main.py:2:20"),
        ("__import__('ctypes')", "main.py:1:12"),
        ("try:\n    import socket\nexcept ImportError:\n    socket = None", "main.py:2:12"),
        ("日本 = 'é'; import socket", "main.py:1:18"),
        ("import http.client\nhttp.client.HTTPConnection('x')", "main.py:1:8"),
        ("import urllib.request as r\nr.urlopen('x')", "main.py:1:8"),
    ],
)  # fmt: skip
def test_refused_imports_in_every_form_once_each_at_its_place(tmp_path: Path, code: str, place: str) -> None:
    checked = check(tmp_path, code)
    assert found(checked) == [("import-refused", place)]
    assert checked.manifest is None
    assert "# services-ai: allow" in checked.findings[0].fix


@pytest.mark.parametrize(
    "code",
    [
        "import os, sys, json, re\nos.environ.get('x'); os.path.join('a', 'b')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas, socket",
        "import typing\nif typing.TYPE_CHECKING:\n    import pandas\nelse:\n    pandas = None",
        "from helpers import x\nimport app.inner\nfrom app import inner",
        "import importlib\nimportlib.import_module('.inner', 'app')",
        "text = 'import socket'  # import subprocess",
    ],
)
def test_allowed_imports_say_nothing(tmp_path: Path, code: str) -> None:
    files = {"helpers.py": "from . import main", "app/__init__.py": "", "app/inner.py": "from .. import helpers"}
    assert check(tmp_path, code, files).findings == ()


def test_a_network_that_is_asked_for_allows_what_opens_connections_but_no_raw_ones(tmp_path: Path) -> None:
    code = "import urllib.request, http.client\nimport socket"
    assert found(check(tmp_path, code, network=["api.example.com"])) == [("import-refused", "main.py:2:8")]
    first = check(tmp_path, code).findings[0]
    assert first.fix.startswith('add "network": ["api.example.com"]')


def test_an_undeclared_dependency_names_the_edit(tmp_path: Path) -> None:
    checked = check(tmp_path, "import yaml\nfrom bs4 import BeautifulSoup\nimport requests.adapters")
    assert found(checked) == [
        ("import-undeclared", "main.py:1:8"),
        ("import-undeclared", "main.py:2:17"),
        ("import-undeclared", "main.py:3:8"),
    ]
    assert [finding.fix.split()[1] for finding in checked.findings] == [
        '"pyyaml":',
        '"beautifulsoup4":',
        '"requests":',
    ]
    assert (
        check(
            tmp_path, "import yaml\nimport bs4, requests", **packages("PyYAML", "beautifulsoup4[x]", "requests")
        ).findings
        == ()
    )


def test_a_package_whose_import_name_cannot_be_known_makes_it_a_warning(tmp_path: Path) -> None:
    checked = check(tmp_path, "import strange", **packages("some-dist"))
    (finding,) = checked.findings
    assert (finding.code, finding.severity) == ("import-undeclared", "warning")
    assert "some-dist" in finding.message
    checked = check(tmp_path, "import strange, some_dist", **packages("some-dist"))
    assert [finding.severity for finding in checked.findings] == ["warning"]
    assert "package will know" in checked.findings[0].message
    checked = check(tmp_path, "import yaml, some_dist", **packages("some-dist"))
    assert [finding.severity for finding in checked.findings] == ["error"], "yaml is PyYAML's, and nobody else's"
    checked = check(tmp_path, "import strange")
    assert [finding.severity for finding in checked.findings] == ["error"]


def test_what_the_built_layer_has_is_known(tmp_path: Path) -> None:
    check(tmp_path, "import git\nimport yaml", **packages("GitPython"))
    checked = check_folder(load_manifest(tmp_path), tmp_path, frozenset({"git"}))
    assert found(checked) == [("import-undeclared", "main.py:2:8")]


def test_an_import_that_code_does_without_is_a_warning(tmp_path: Path) -> None:
    checked = check(tmp_path, "try:\n    import orjson\nexcept ImportError:\n    orjson = None")
    assert [(finding.code, finding.severity) for finding in checked.findings] == [("import-undeclared", "warning")]
    checked = check(tmp_path, "try:\n    import orjson\nexcept ValueError:\n    orjson = None")
    assert [finding.severity for finding in checked.findings] == ["error"]


def test_the_hosts_own_hookimpl_is_replaced(tmp_path: Path) -> None:
    checked = check(tmp_path, "from crm.plugins import hookimpl")
    assert found(checked) == [("hookimpl-foreign", "main.py:1:25")]
    assert checked.findings[0].fix.startswith("from services_ai_sdk import hookimpl")
    checked = check(tmp_path, "import pluggy\nmark = pluggy.HookimplMarker('crm')")
    assert found(checked) == [("hookimpl-foreign", "main.py:1:8")]
    assert found(check(tmp_path, "import pluggy")) == [("import-undeclared", "main.py:1:8")]


def test_a_folder_that_packages_leave_out_cannot_be_imported(tmp_path: Path) -> None:
    checked = check(tmp_path, "import build.evil", {"build/evil.py": "import socket"})
    assert found(checked) == [("import-undeclared", "main.py:1:8")]
    assert "leave out" in checked.findings[0].message


def test_a_module_named_like_a_refused_one_is_to_be_renamed(tmp_path: Path) -> None:
    checked = check(tmp_path, "import signal", {"signal.py": "x = 1"})
    assert checked.findings[0].code == "import-refused"
    assert checked.findings[0].fix.startswith("rename")
    (tmp_path / "signal.py").unlink()
    assert check(tmp_path, "import pipes", {"pipes.py": "x = 1"}).findings == ()


def test_names_that_are_made_at_run_time_are_a_warning(tmp_path: Path) -> None:
    checked = check(tmp_path, "import importlib, sys\nimportlib.import_module(sys.argv[1])")
    assert found(checked) == [("import-dynamic", "main.py:2:25")]
    assert checked.manifest is not None
    waived = (
        "import importlib, sys\nimportlib.import_module(sys.argv[1])  # services-ai: allow import_module - ours"
    )
    assert "(ours)" in check(tmp_path, waived).findings[0].message


@pytest.mark.parametrize(
    "comment",
    ["services-ai: allow socket - asks the printer", "noqa # Services-AI:allow socket \u2014 asks the printer"],
)
def test_a_waiver_with_its_reason_is_a_warning_that_admins_see(tmp_path: Path, comment: str) -> None:
    comment = comment.replace("Services-AI", "services-ai")
    checked = check(tmp_path, f"import socket  # {comment}")
    (finding,) = checked.findings
    assert (finding.code, finding.severity) == ("import-refused", "warning")
    assert "asks the printer" in finding.message
    assert checked.manifest is not None


def test_a_waiver_of_the_module_holds_for_what_is_taken_from_it(tmp_path: Path) -> None:
    checked = check(tmp_path, "from socket import (  # services-ai: allow socket - a\n    socket, timeout)")
    assert [finding.severity for finding in checked.findings] == ["warning", "warning"]
    checked = check(tmp_path, "from socket import socket, timeout  # services-ai: allow socket - a")
    assert [finding.severity for finding in checked.findings] == ["warning", "warning"]


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# services-ai: allow socket", ["waiver-without-reason"]),
        ("# services-ai: allow socket - ", ["waiver-without-reason"]),
        ("# services-ai: allow socket - ...", ["waiver-without-reason"]),
        ("# services-ai: allow ctypes - x", ["import-refused", "waiver-unused"]),
        ("# services-ai: please", ["import-refused", "waiver-malformed"]),
        ("# services-ai: allow * - all of it", ["import-refused", "waiver-malformed"]),
    ],
)
def test_a_waiver_that_says_too_little(tmp_path: Path, comment: str, codes: list[str]) -> None:
    checked = check(tmp_path, f"import socket  {comment}")
    assert [finding.code for finding in checked.findings] == codes
    assert checked.manifest is None


def test_one_comment_can_allow_several(tmp_path: Path) -> None:
    checked = check(tmp_path, "import socket, ctypes  # services-ai: allow socket, ctypes - the printer's driver")
    assert [finding.severity for finding in checked.findings] == ["warning", "warning"]
    assert all("driver" in finding.message for finding in checked.findings)


def test_a_waiver_in_a_text_or_on_another_line_waives_nothing(tmp_path: Path) -> None:
    checked = check(tmp_path, "import socket; x = '# services-ai: allow socket - no'")
    assert [finding.code for finding in checked.findings] == ["import-refused"]
    checked = check(tmp_path, "# services-ai: allow socket - above\nimport socket")
    assert sorted(finding.code for finding in checked.findings) == ["import-refused", "waiver-unused"]


def test_a_manifest_that_cannot_be_read_says_nothing_of_dependencies(tmp_path: Path) -> None:
    check(tmp_path, "import requests, socket")
    (tmp_path / "manifest.json").write_text("{")
    codes = [finding.code for finding in check_folder(load_manifest(tmp_path), tmp_path).findings]
    assert codes == ["json-invalid", "import-refused"]


def test_hostile_code_ends(tmp_path: Path) -> None:
    deep = "x = " + "a." * 3000 + "b"
    many = "\n".join(f"import m{number}" for number in range(5000))
    nested = "\n".join("    " * depth + "try:" for depth in range(90)) + "\n" + "    " * 90 + "pass"
    checked = check(tmp_path, "", {"deep.py": deep, "many.py": many, "nested.py": nested, "empty.py": ""})
    assert len(checked.findings) < 300


@pytest.mark.parametrize(
    ("package", "module"),
    [("google-cloud-storage", "google.cloud.storage"), ("Faker", "faker"), ("ruamel.yaml", "ruamel.yaml"),
     ("python-slugify", "slugify"), ("psycopg2-binary", "psycopg2"), ("Levenshtein", "Levenshtein"),
     ("scikit-learn", "sklearn.linear_model"), ("typing_extensions", "typing_extensions"), ("pyfoo", "foo"),
     ("discord.py", "discord"), ("google-cloud-storage", "google")],
)  # fmt: skip
def test_packages_are_matched_with_what_they_bring(package: str, module: str) -> None:
    assert provided([package], [module]).unmatched == ()
    rules = PluginImportRestriction()
    assert rules.allows(module, declared=provided([package], [module]).names) is None


def test_the_package_of_a_module() -> None:
    assert package_of("yaml") == "pyyaml"
    assert package_of("google.protobuf.message") == "protobuf"
    assert package_of("my_module.sub") == "my-module"
