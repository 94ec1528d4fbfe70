from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.cli.fix import fix
from services_ai_sdk.cli.main import app
from services_ai_sdk.cli.running import run
from services_ai_sdk.manifest.complete import check_folder
from services_ai_sdk.manifest.load import load_manifest
from services_ai_sdk.wire.errors import InvalidInputError

MANIFEST: dict[str, Any] = {
    "name": "P", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com",
}  # fmt: skip


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, main: str | bytes, manifest: dict[str, Any] | str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = manifest if isinstance(manifest, str) else json.dumps({**MANIFEST, **(manifest or {})})
    (folder / "manifest.json").write_text(text)
    (folder / "main.py").write_bytes(main if isinstance(main, bytes) else main.encode())
    return folder


def codes(folder: Path) -> list[str]:
    return [finding.code for finding in check_folder(load_manifest(folder), folder).findings]


HOST = '''\
"""A plugin of an in-process host."""

from __future__ import annotations

import json
from crm.plugins import hookimpl  # the host's


class Leads:
    """Says hello."""

    def __init__(self):
        self.seen = 0

    @hookimpl(tryfirst=True)
    def lead_created(self, lead):
        return json.dumps({"é": 1})

    def helper(self): ...
'''.replace("\tdef", "    def")

MENDED = '''\
"""A plugin of an in-process host."""

from __future__ import annotations

import json
from services_ai_sdk import hookimpl, ServicesAIPlugin  # the host's


class Leads(ServicesAIPlugin):
    """Says hello."""

    def __init__(self):
        self.seen = 0

    @hookimpl(tryfirst=True)
    def lead_created(self, lead):
        return json.dumps({"é": 1})

    def helper(self): ...
'''


def test_a_plugin_of_an_in_process_host_becomes_one_of_ours(plugin: Path) -> None:
    write(plugin, HOST)
    done = fix(plugin)
    assert (plugin / "main.py").read_text() == MENDED
    assert codes(plugin) == []
    assert any("hookimpl comes from services_ai_sdk, not from crm.plugins" in words for words in done)
    assert fix(plugin) == []


IMPORT = "from services_ai_sdk import ServicesAIPlugin, hookimpl"
CLASS = "class A(ServicesAIPlugin):\n    @hookimpl\n    def lead_created(self, lead): ...\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # @hookimpl and its import: appended to what is imported from us, below the imports, or at the top
        (
            (
                "from services_ai_sdk import ServicesAIPlugin\n"
                "class A(ServicesAIPlugin):\n    def lead_created(self): ...\n"
            ),
            (
                "from services_ai_sdk import ServicesAIPlugin, hookimpl\nclass A(ServicesAIPlugin):\n"
                "    @hookimpl\n    def lead_created(self): ...\n"
            ),
        ),
        (
            (
                "from services_ai_sdk import (\n    ServicesAIPlugin,  # ours\n)\n"
                "class A(ServicesAIPlugin):\n"
                "\t@property\n\tdef x(self): ...\n\tdef lead_created(self): ..."
            ),
            (
                "from services_ai_sdk import (\n    ServicesAIPlugin, hookimpl,  # ours\n)\n"
                "class A(ServicesAIPlugin):\n"
                "\t@property\n\tdef x(self): ...\n\t@hookimpl\n\tdef lead_created(self): ..."
            ),
        ),
        (
            "class A:\n    def lead_created(self): ...\n",
            (
                "from services_ai_sdk import ServicesAIPlugin, hookimpl\n\nclass A(ServicesAIPlugin):\n"
                "    @hookimpl\n    def lead_created(self): ...\n"
            ),
        ),
        (
            (
                "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n"
                "@object\nclass A():\n    def lead_created(self): ...\n"
            ),
            (
                "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n"
                "from services_ai_sdk import ServicesAIPlugin, "
                "hookimpl\n\n@object\nclass A(ServicesAIPlugin):\n    @hookimpl\n    def lead_created(self): ...\n"
            ),
        ),
        (
            '"""Doc."""\r\nimport json  # é\r\nx = 1\r\nclass A:\r\n    def lead_created(self): ...\r\n',
            (
                '"""Doc."""\r\nimport json  # é\r\nfrom services_ai_sdk import ServicesAIPlugin, hookimpl\r\n'
                "x = 1\r\nclass A(ServicesAIPlugin):\r\n    @hookimpl\r\n    def lead_created(self): ...\r\n"
            ),
        ),
        # pluggy
        (
            "import pluggy\nhookimpl = pluggy.HookimplMarker('crm')\n" + CLASS.replace("(ServicesAIPlugin)", ""),
            "import services_ai_sdk\nfrom services_ai_sdk import ServicesAIPlugin\n"
            "hookimpl = services_ai_sdk.hookimpl\n" + CLASS,
        ),
        (
            "import pluggy as p\nmark = p.HookimplMarker(\n    'crm'\n)\n"
            "from services_ai_sdk import ServicesAIPlugin\n" + CLASS.replace("@hookimpl", "@mark"),
            "import services_ai_sdk as p\nmark = p.hookimpl\n"
            "from services_ai_sdk import ServicesAIPlugin\n" + CLASS.replace("@hookimpl", "@mark"),
        ),
        (
            "from pluggy import HookimplMarker\nhookimpl = HookimplMarker('crm')\n"
            "from services_ai_sdk import ServicesAIPlugin\n" + CLASS,
            "from services_ai_sdk import hookimpl\nhookimpl = hookimpl\n"
            "from services_ai_sdk import ServicesAIPlugin\n" + CLASS,
        ),
    ],
)
def test_code_is_edited_by_span_and_only_once(plugin: Path, before: str, after: str) -> None:
    write(plugin, before)
    assert fix(plugin)
    assert (plugin / "main.py").read_bytes().decode() == after
    assert fix(plugin) == []
    assert codes(plugin) == []


@pytest.mark.parametrize(
    "code",
    [
        IMPORT + "\n" + CLASS,
        # the class has what ours would meet
        ("class A:\n    def __init__(self, host): ...\n    def helper(self): ...\n"
        "    from services_ai_sdk import hookimpl\n    @hookimpl\n    def lead_created(self): ...\n"),
        ("from services_ai_sdk import hookimpl\nclass A:\n    def __init__(self): self.settings = {}\n"
        "    @hookimpl\n    def lead_created(self): ...\n"),
        ("from services_ai_sdk import hookimpl\nclass A:\n    log = None\n"
        "    @hookimpl\n    def lead_created(self): ...\n"),
        # another base, or a name that is taken
        ("from crm import Base\nfrom services_ai_sdk import hookimpl\nclass A(Base):\n    @hookimpl\n"
        "    def lead_created(self): ...\n"),
        ("from crm import ServicesAIPlugin\nfrom services_ai_sdk import hookimpl\nclass A:\n    @hookimpl\n"
        "    def lead_created(self): ...\n"),
        # more comes from the same import
        "from crm import hookimpl, Base\n" + CLASS.replace("ServicesAIPlugin", "Base"),
        "import pluggy\nhookimpl = pluggy.HookimplMarker('x')\npm = pluggy.PluginManager('x')\n"
        "from services_ai_sdk import ServicesAIPlugin\n" + CLASS,
        # a misspelt hook, a missing permission, a dangerous call
        IMPORT + "\n" + CLASS.replace("lead_created", "lead_craeted"),
        IMPORT + "\n" + CLASS.replace("...", "self.api.update_lead(1, {})"),
        IMPORT + "\nimport socket\n" + CLASS.replace("...", "eval('1')"),
        "class A(\n",
        "",
    ],
)  # fmt: skip
def test_what_is_not_safe_is_left_alone(plugin: Path, code: str) -> None:
    write(plugin, code)
    before = (plugin / "main.py").stat().st_mtime_ns
    assert fix(plugin) == []
    assert (plugin / "main.py").read_text() == code
    assert (plugin / "main.py").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "main",
    [
        "# -*- coding: latin-1 -*-\nclass A:\n    def lead_created(self): return 'é'\n".encode("latin-1"),
        b"class A: \n    def lead_created(self): return '\xff'\n",
    ],
)
def test_a_file_that_is_not_utf_8_is_left_alone(plugin: Path, main: bytes) -> None:
    write(plugin, main)
    assert fix(plugin) == []
    assert (plugin / "main.py").read_bytes() == main


def test_a_byte_order_mark_and_the_files_mode_stay(plugin: Path) -> None:
    write(plugin, "\ufeffclass A:\n    def lead_created(self): ...\n".encode())
    (plugin / "main.py").chmod(0o750)
    assert fix(plugin)
    assert (plugin / "main.py").read_bytes().startswith(b"\xef\xbb\xbffrom services_ai_sdk import")
    assert (plugin / "main.py").stat().st_mode & 0o777 == 0o750
    assert sorted(path.name for path in plugin.iterdir()) == ["main.py", "manifest.json"]


LOOSE = """{
  "name": "Pé", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com",
  "hooks": [ "onLeadCreated" , {"name": "lead-updated", "priority": 3}],   // KEEP
  "settings": [
    {"name": "on",\t"type": "checkbox", "default": "true"},
    {"key": "days", "type" : "int", "default":"30"},
    {"name": "token", "type": "password"},
    {"name": "text", "default": "30"}, {"name": "odd", "type": "number", "default": "nan"}
  ]
}
""".replace("   // KEEP", "   ")
STRICT = (
    LOOSE.replace('"onLeadCreated"', '"lead_created"')
    .replace('"lead-updated", "priority": 3}', '"lead_updated", "priority": 3}, "dashboard_widget"')
    .replace('"checkbox", "default": "true"', '"boolean", "default": true')
    .replace('"int", "default":"30"', '"integer", "default":30')
)


def test_the_manifest_is_edited_by_span_and_only_once(plugin: Path) -> None:
    methods = "".join(
        f"    @hookimpl\n    def {name}(self): ...\n"
        for name in ("lead_created", "lead_updated", "dashboard_widget")
    )
    write(plugin, f"{IMPORT}\nclass A(ServicesAIPlugin):\n{methods}", LOOSE)
    before = load_manifest(plugin)
    done = fix(plugin)
    assert (plugin / "manifest.json").read_text() == STRICT
    assert any("'on' has the type 'boolean'" in words for words in done)
    assert fix(plugin) == []
    assert before.manifest is None  # a hook was written as no hook can be


def test_settings_mean_the_same_afterwards(plugin: Path) -> None:
    loose = {
        "a": {"type": "checkbox", "default": "on"},
        "b": {"type": "text"},
        "c": {"type": "float", "default": "1.5"},
    }
    write(plugin, IMPORT + "\n" + CLASS, {"settings": {**loose, "d": {"type": "choice", "options": ["x"]}}})
    before = load_manifest(plugin).manifest
    assert fix(plugin)
    assert load_manifest(plugin).manifest == before
    assert '"checkbox"' not in (plugin / "manifest.json").read_text()


@pytest.mark.parametrize(
    "manifest",
    [
        '{"hooks": ["onLeadCreated"], "hooks": ["onLeadCreated"]}',
        '{"hooks": ["onLeadCreated"',
        '{"hooks": "onLeadCreated", "settings": 7}',
        '{"hooks": [7, "onLeadCreated"], "settings": [7, {"type": 7, "default": "true"}]}',
        "[]",
        "",
    ],
)
def test_a_manifest_that_cannot_be_understood_is_left_alone(plugin: Path, manifest: str) -> None:
    write(plugin, IMPORT + "\n" + CLASS, manifest)
    assert fix(plugin) == []
    assert (plugin / "manifest.json").read_text() == manifest


def test_a_wrapping_folder_is_taken_off(plugin: Path) -> None:
    write(plugin / "inner", IMPORT + "\n" + CLASS)
    (plugin / "inner" / "app").mkdir()
    (plugin / "inner" / "app" / "x.py").write_text("x = 1")
    (plugin / "__MACOSX").mkdir()
    (plugin / ".git").mkdir()
    assert run(app, ["validate", str(plugin)]) == 0
    assert fix(plugin) == ["moved the plugin up out of inner/"]
    assert sorted(path.name for path in plugin.iterdir()) == [
        ".git",
        "__MACOSX",
        "app",
        "main.py",
        "manifest.json",
    ]
    assert fix(plugin) == []


@pytest.mark.parametrize(
    "beside", ["README.md", "other/x.txt", "main.py", "inner/inner/x.py", "second/manifest.json"]
)
def test_a_wrapping_folder_with_something_beside_it_stays(plugin: Path, beside: str) -> None:
    write(plugin / "inner", IMPORT + "\n" + CLASS)
    (plugin / beside).parent.mkdir(parents=True, exist_ok=True)
    (plugin / beside).write_text("{}")
    before = sorted(str(path) for path in plugin.rglob("*"))
    assert fix(plugin) == []
    assert sorted(str(path) for path in plugin.rglob("*")) == before


def test_a_zip_is_refused_with_what_to_do(capsys: pytest.CaptureFixture[str], plugin: Path) -> None:
    write(plugin / "inner", IMPORT + "\n" + CLASS)
    archive = plugin / "p.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for file in (plugin / "inner").iterdir():
            opened.write(file, f"inner/{file.name}")
    before = archive.read_bytes()
    with pytest.raises(InvalidInputError) as caught:
        fix(archive)
    assert caught.value.code == "fix-zip"
    assert run(app, ["validate", str(archive), "--fix"]) == 2
    assert "unpack it" in capsys.readouterr().err
    assert run(app, ["validate", str(archive)]) == 0
    assert "source-wrapped" in capsys.readouterr().out
    assert archive.read_bytes() == before


def test_the_command_says_what_it_changed_and_what_it_will_not(
    capsys: pytest.CaptureFixture[str], plugin: Path
) -> None:
    write(plugin, CLASS.replace("(ServicesAIPlugin)", "").replace("    @hookimpl\n", "").replace(
        "...", "self.api.update_lead(1, {})"))  # fmt: skip
    assert run(app, ["validate", str(plugin), "--fix"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("fixed: main.py: ")
    assert "not fixed: permissions" in out
    assert "permission-undeclared" in out
    assert run(app, ["validate", str(plugin), "--fix", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["fixed"] == []
    assert "permissions" not in json.loads((plugin / "manifest.json").read_text())


def test_files_outside_are_not_edited(plugin: Path) -> None:
    (plugin / "outside.py").write_text("class A:\n    def lead_created(self): ...\n")
    folder = write(plugin / "p", "from other import A\n")
    (folder / "other.py").symlink_to(plugin / "outside.py")
    fix(folder)
    assert (plugin / "outside.py").read_text() == "class A:\n    def lead_created(self): ...\n"
