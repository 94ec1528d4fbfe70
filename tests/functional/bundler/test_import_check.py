"""What was built is imported in the real emulator, from real wheels, before anybody gets it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.bundler.dependencies import DependencyManager
from services_ai_sdk.bundler.import_check import MODULE_MAX_S, ImportCheck, Running, own_modules
from services_ai_sdk.bundler.package import BuiltPackage, build_package
from services_ai_sdk.emulator.home import default_home, open_home
from services_ai_sdk.emulator.session import Session
from services_ai_sdk.wire.errors import FindingsError

HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
MAIN = """\
from services_ai_sdk import ServicesAIPlugin, hookimpl


class Real(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead, context):
        return None
"""


class Opened:
    """Opens real sessions, and counts them."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> AbstractContextManager[Running]:
        self.times += 1
        return Session(open_home(default_home().absolute()))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def opened() -> Opened:
    return Opened()


@pytest.fixture
def package(tmp_path: Path, cache: Path, opened: Opened) -> Any:
    manager = DependencyManager.from_environment(environ={**os.environ, "SERVICES_AI_CACHE": str(cache)})

    def build(
        files: dict[str, str],
        packages: dict[str, str] | None = None,
        module_max_s: float = MODULE_MAX_S,
        **fields: Any,
    ) -> BuiltPackage:
        root = tmp_path / "plugin"
        manifest = {"name": "Real", "version": "1.0", "description": "d", "author": "a", "email": "a@example.com"}
        manifest |= {"python": HERE, "dependencies": {"packages": packages or {}}} | fields
        for name, text in {"manifest.json": json.dumps(manifest), "main.py": MAIN, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        check = ImportCheck(opened, tmp_path / "proofs", lambda _: None, module_max_s)
        return build_package(root, tmp_path / "out", dependencies=manager, imports=check)

    return build


def refused(package: Any, *arguments: Any, **fields: Any) -> list[dict[str, Any]]:
    with pytest.raises(FindingsError) as caught:
        package(*arguments, **fields)
    assert caught.value.code == "import-failed"
    found: list[dict[str, Any]] = caught.value.details["imports"]
    return found


def test_what_imports_is_proven_once(package: Any, opened: Opened, tmp_path: Path) -> None:
    built = package({"helpers/text.py": "import idna\n"}, {"idna": "^3.4"})
    assert (built.warnings, opened.times) == ((), 1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["real-1.0.layer.zip", "real-1.0.zip"]
    package({}, {"idna": "^3.4"})
    assert opened.times == 1
    package({"helpers/text.py": "import idna  # changed\n"}, {"idna": "^3.4"})
    assert opened.times == 2


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="pandas 1.5 has wheels for Python 3.11 and older")
def test_an_old_pandas_with_a_new_numpy_names_the_edit(package: Any, tmp_path: Path) -> None:
    limits = {"limits": {"memory_mb": 512}}
    (found,) = refused(package, {}, {"requests": ">=2.28.0", "pandas": "^1.5.0"}, **limits)
    assert (found["module"], found["package"]) == ("pandas", "pandas")
    assert found["edit"] == 'add "numpy": "<2"'
    assert list((tmp_path / "out").iterdir()) == []
    assert package({}, {"requests": ">=2.28.0", "pandas": "^1.5.0", "numpy": "<2"}, **limits).warnings == ()


@pytest.mark.parametrize(
    ("line", "kind", "edit"),
    [
        ("import yaml", "ModuleNotFoundError", 'add "pyyaml": "*"'),
        ("import requests_oauthlib.oauth1_session", "ModuleNotFoundError", 'add "requests-oauthlib": "*"'),
        ("raise SystemExit('bye')", "SystemExit", ""),
        ("import os; os._exit(3)", "Runtime.ExitError", ""),
        (
            "kept = b'x' * (400 * 1024 * 1024)",
            "Runtime.OutOfMemory",
            'importing takes more than 256 MB: set "limits": {"memory_mb": 512}',
        ),
    ],
)
def test_a_module_of_the_plugin_that_does_not_import_is_named(
    package: Any, line: str, kind: str, edit: str
) -> None:
    # Allowed, so that what is tried out is what says it: the check of the code would say it before.
    waived = f"{line}  # services-ai: allow yaml, requests_oauthlib, os._exit - the test"
    (found,) = refused(package, {"helpers/broken.py": f"\n{waived}\n", "helpers/fine.py": "x = 1\n"})
    assert (found["module"], found["package"]) == ("helpers.broken", "")
    assert (found["failure"]["type"], found["edit"]) == (kind, edit)
    if not kind.startswith("Runtime"):
        assert found["failure"]["frames"][-1]["file"] == "helpers/broken.py"
        assert found["failure"]["frames"][-1]["line"] == 2


def test_a_backport_of_what_python_has_is_told_to_go(package: Any) -> None:
    found = refused(package, {}, {"dataclasses": "*"})
    assert {each["edit"] for each in found} == {'leave out "dataclasses": Python has dataclasses itself'}


def test_an_import_that_hangs_is_named_with_its_line(package: Any) -> None:
    (found,) = refused(package, {"helpers/broken.py": "\nwhile True:\n    pass\n"}, module_max_s=1)
    assert (found["module"], found["failure"]["type"]) == ("helpers.broken", "HookTimedOut")
    assert found["failure"]["frames"][-1]["file"] == "helpers/broken.py"


def test_a_python_that_is_not_here_is_a_warning_with_what_to_do(package: Any) -> None:
    built = package({}, python="python3.14")
    (warning,) = built.warnings
    assert "imports were not tried" in warning
    assert "3.14" in warning


def test_scripts_are_no_modules() -> None:
    files = [
        "main.py",
        "setup.py",
        "app/__init__.py",
        "app/x.py",
        "app/conftest.py",
        "app/__main__.py",
        "a-b.py",
        "x.txt",
    ]
    assert list(own_modules(files)) == ["app", "app.x", "main"]
