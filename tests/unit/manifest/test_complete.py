from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.manifest.complete import check_folder, complete, slug
from services_ai_sdk.manifest.load import load_manifest
from services_ai_sdk.wire.errors import FindingsError

MANIFEST = {
    "name": "Phone Normalizer (beta)",
    "version": "1.0.0",
    "description": "d",
    "author": "a",
    "email": "a@example.com",
}

GOOD = """
from services_ai_sdk import ServicesAIPlugin, hookimpl

class Phones(ServicesAIPlugin):
    @hookimpl(priority=10)
    def lead_created(self, lead, context): ...

    @hookimpl
    def dashboard_widget(self): ...
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, code: str | dict[str, str] = GOOD, **manifest: Any) -> Path:
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST, **manifest}))
    for file, text in ({"main.py": code} if isinstance(code, str) else code).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return folder


def check(folder: Path, *args: Any, **manifest: Any) -> Any:
    write(folder, *args, **manifest)
    return check_folder(load_manifest(folder), folder)


def codes(checked: Any) -> list[str]:
    return [finding.code for finding in checked.findings]


def test_id_class_and_hooks_come_from_name_and_code(folder: Path) -> None:
    checked = check(folder)
    assert checked.findings == ()
    assert checked.manifest.id == "phone-normalizer-beta"
    assert checked.manifest.plugin_class == "Phones"
    assert [(hook.name, hook.priority) for hook in checked.manifest.hooks] == [
        ("dashboard_widget", 50),
        ("lead_created", 10),
    ]


def test_a_complete_manifest_stays_as_it_is(folder: Path) -> None:
    first = check(folder).manifest
    (folder / "manifest.json").write_text(json.dumps(first.to_dict()))
    loaded = load_manifest(folder)
    assert loaded.manifest == first
    assert complete(loaded.require(), folder) == first


CLASSES = {
    "decorator from elsewhere": "from x import hookimpl\nclass A:\n @hookimpl\n def lead_created(self, lead): ...",
    "pluggy's marker": "import pluggy\nm = pluggy.HookimplMarker('crm')\nclass A:\n @m(tryfirst=True)\n"
    " def lead_created(self): ...",
    "module": "import services_ai_sdk as s\nclass A(s.ServicesAIPlugin):\n @s.hookimpl\n"
    " def lead_created(self): ...",
    "alias": "from services_ai_sdk import ServicesAIPlugin as Base\nclass A(Base):\n def lead_created(self): ...",
    "inside if": "if True:\n class A:\n  def lead_created(self, **everything): ...",
    "inherited": "class Base:\n def lead_created(self): ...\nclass A(Base): ...\n",
}


@pytest.mark.parametrize("kind", CLASSES)
def test_classes_without_our_base_or_with_it_by_another_name(folder: Path, kind: str) -> None:
    checked = check(folder, CLASSES[kind], dependencies={"packages": {"x": "*", "pluggy": "*"}})
    assert checked.manifest is not None, checked.findings
    assert [hook.name for hook in checked.manifest.hooks] == ["lead_created"]
    assert checked.manifest.plugin_class == "A"


def test_a_class_imported_from_another_module_of_the_plugin(folder: Path) -> None:
    code = {
        "main.py": "from app.plugin import Phones as Plugin\n",
        "app/__init__.py": "",
        "app/plugin.py": "from .mixin import Widget\nfrom services_ai_sdk import ServicesAIPlugin, hookimpl\n"
        "class Phones(Widget, ServicesAIPlugin):\n    @hookimpl\n    def lead_created(self): ...\n",
        "app/mixin.py": "class Widget:\n    def dashboard_widget(self): ...\n",
    }
    checked = check(folder, code)
    assert codes(checked) == ["hook-undecorated"]
    assert checked.manifest.plugin_class == "Plugin"
    assert [hook.name for hook in checked.manifest.hooks] == ["dashboard_widget", "lead_created"]


def test_the_one_file_with_a_plugin_class_is_the_entry_point(folder: Path) -> None:
    checked = check(folder, {"phones.py": GOOD, "other.py": "x = 1"})
    assert checked.manifest.entry_point == "phones.py"


@pytest.mark.parametrize(
    ("method", "code", "line", "column"),
    [
        ("    @hookimpl\n    def lead_craeted(self, lead): ...", "hook-misspelt", 4, 9),
        ("    @hookimpl\n    def lead_created(self, led): ...", "hook-parameter-unknown", 4, 28),
        ("    @hookimpl\n    def lead_created(self, lead, /): ...", "hook-parameter-positional", 4, 28),
        ("    @hookimpl\n    async def lead_created(self): ...", "hook-async", 4, 15),
        ("    @hookimpl(priority=200)\n    def lead_created(self): ...", "hook-priority", 3, 24),
        ("    @hookimpl(hookwrapper=True)\n    def lead_created(self): ...", "hook-option", 3, 27),
        ("    x = 1", "hooks-none", 2, 7),
    ],
)
def test_mistakes_in_hooks_have_their_place(folder: Path, method: str, code: str, line: int, column: int) -> None:
    checked = check(
        folder, f"from services_ai_sdk import ServicesAIPlugin, hookimpl\nclass A(ServicesAIPlugin):\n{method}\n"
    )
    assert checked.manifest is None
    (finding,) = [finding for finding in checked.findings if finding.severity == "error"]
    assert (finding.code, finding.file, finding.line, finding.column) == (code, "main.py", line, column)
    assert finding.fix


def test_hooks_that_are_not_fired_are_left_out_with_a_warning(folder: Path) -> None:
    checked = check(folder, GOOD + "    @hookimpl\n    def booking_created(self, booking): ...\n")
    assert codes(checked) == ["hook-unknown"]
    assert [hook.name for hook in checked.manifest.hooks] == ["dashboard_widget", "lead_created"]


def test_a_hook_that_the_class_lacks_is_an_error_in_the_manifest(folder: Path) -> None:
    checked = check(folder, hooks=["lead_created", "lead_updated"])
    assert codes(checked) == ["hook-not-implemented", "hook-unlisted"]
    assert checked.findings[0].file == "manifest.json"
    assert checked.findings[0].line == 1
    assert checked.manifest is None


def test_a_priority_in_the_code_wins_over_the_manifests(folder: Path) -> None:
    hooks = [{"name": "lead_created", "priority": 90}, {"name": "dashboard_widget", "priority": 90}]
    checked = check(folder, hooks=hooks)
    assert [(hook.name, hook.priority) for hook in checked.manifest.hooks] == [
        ("dashboard_widget", 90),
        ("lead_created", 10),
    ]


@pytest.mark.parametrize(
    ("files", "manifest", "code"),
    [
        ({"other.txt": ""}, {}, "entry-point-missing"),
        ({"main.py": GOOD}, {"entry_point": "app.main"}, "entry-point-missing"),
        ({"main.py": GOOD}, {"plugin_class": "Phone"}, "plugin-class-missing"),
        ({"main.py": "x = 1"}, {}, "plugin-class-unclear"),
        ({"main.py": GOOD + GOOD.replace("Phones", "More")}, {}, "plugin-class-unclear"),
        ({"main.py": "class A(\n"}, {}, "source-syntax"),
        ({"main.py": "x = '\x00'"}, {}, "source-syntax"),
        ({"main.py": "(" * 10_000}, {}, "source-syntax"),
        ({"main.py": "-" * 200_000 + "1"}, {}, "source-syntax"),
        ({"main.py": "x = 1\n" * 200_000}, {}, "source-too-large"),
        ({"main.py": "from main import A\n"}, {"plugin_class": "A"}, "plugin-class-missing"),
    ],
)
def test_code_that_is_no_plugin(folder: Path, files: dict[str, str], manifest: dict[str, Any], code: str) -> None:
    checked = check(folder, files, **manifest)
    assert checked.manifest is None
    assert codes(checked) == [code]


def test_manifest_and_code_are_reported_in_one_run(folder: Path) -> None:
    checked = check(folder, GOOD.replace("lead_created", "lead_craeted"), version="v1")
    assert codes(checked) == ["manifest-invalid", "hook-misspelt"]


def test_complete_raises_what_check_reports(folder: Path) -> None:
    write(folder, "x = 1")
    with pytest.raises(FindingsError) as caught:
        complete(load_manifest(folder).require(), folder)
    assert caught.value.details["findings"][0]["code"] == "plugin-class-unclear"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Phone Normalizer", "phone-normalizer"),
        ("  Ünïcode -- plügin! ", "unicode-plugin"),
        ("a" * 100, "a" * 40),
        ("a" * 39 + " b", "a" * 39),
        ("日本語", ""),
    ],
)
def test_slugs(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_a_name_without_letters_needs_an_id(folder: Path) -> None:
    assert codes(check(folder, name="日本語")) == ["id-missing"]
    assert check(folder, name="日本語", id="nihongo").manifest.id == "nihongo"


NEWER = '''
from services_ai_sdk import ServicesAIPlugin, hookimpl

type Pair[A, B] = tuple[A, B]
some syntax of a Python from the future

def helper[T](x: T,
              y: str = "a:b") -> T:
    def inner(): return 1
    return x

class Other: pass

class Mine[T](ServicesAIPlugin):  # a comment: here
    """What it is."""

    @hookimpl(
        priority=7,
    )
    def lead_created[X](
        self, lead: dict[str, X],
        context=None,
    ) -> Pair[int, str]:
        def nested(): ...
        return f"{lead["a"]}"

    @hookimpl
    def dashboard_widget(self, context): return {}
'''


def test_a_newer_python_is_read_in_outline(folder: Path) -> None:
    minor = sys.version_info.minor + 1
    checked = check(folder, NEWER, python=f"3.{minor}")
    assert checked.findings == ()
    assert checked.manifest.plugin_class == "Mine"
    assert [(hook.name, hook.priority) for hook in checked.manifest.hooks] == [
        ("dashboard_widget", 50),
        ("lead_created", 7),
    ]


def test_newer_syntax_without_saying_so_is_an_error(folder: Path) -> None:
    checked = check(folder, NEWER)
    assert codes(checked) == ["source-syntax"]
    assert '"python"' in checked.findings[0].fix


def test_a_mistake_in_a_newer_python_still_has_its_line(folder: Path) -> None:
    checked = check(folder, NEWER.replace("def lead_created", "def lead_craeted"), python="3.14")
    (finding,) = checked.findings
    assert (finding.code, finding.line) == (
        "hook-misspelt",
        NEWER.splitlines().index("    def lead_created[X](") + 1,
    )
