"""The import rules at run time: what the plugin's own modules import, and nobody else."""

from __future__ import annotations

import builtins
import importlib
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from services_ai_sdk import PluginSandbox
from services_ai_sdk.manifest.complete import check_folder
from services_ai_sdk.manifest.load import load_manifest
from services_ai_sdk.plugin import own_imports

_NUMBERS = itertools.count()
MANIFEST = {
    "name": "Demo", "version": "1.0.0", "description": "What it does.", "author": "A", "email": "a@example.com",
    "dependencies": {"packages": {"Fast-Dep": "*", "otherwise-named": "*"}},
}  # fmt: skip


class Plugin:
    """A plugin's folder and a layer beside it, both on the path."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.layer = folder / "task", folder / "layer"
        for made in (self.folder, self.layer):
            made.mkdir()
            monkeypatch.syspath_prepend(made)
        self.write(MANIFEST)
        self.number = next(_NUMBERS)

    def write(self, manifest: dict[str, Any]) -> None:
        (self.folder / "manifest.json").write_text(json.dumps(manifest))

    def package(self, name: str, module: str, text: str = "") -> None:
        """An installed package with one module."""
        (self.layer / f"{module}.py").write_text(text)
        info = self.layer / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "RECORD").write_text(f"{module}.py,sha256=x,3\n{name}-1.0.dist-info/RECORD,,\n")

    def load(self, text: str, name: str = "") -> ModuleType:
        """A module of the plugin's, imported under the rules."""
        name = name or f"own_{self.number}_{next(_NUMBERS)}"
        (self.folder / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        with PluginSandbox(self.folder):
            return importlib.import_module(name)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    before = set(sys.modules)
    yield Plugin(tmp_path, monkeypatch)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("statement", "module", "edit"),
    [
        ("import socket", "socket", "# services-ai: allow socket - why"),
        ("import os, subprocess", "subprocess", "# services-ai: allow subprocess - why"),
        ("import http.server", "http.server", "# services-ai: allow http.server - why"),
        ("from os import system", "os.system", "# services-ai: allow os.system - why"),
        ("from os import path, system as run", "os.system", "# services-ai: allow os.system - why"),
        ("from concurrent.futures import ProcessPoolExecutor", "concurrent.futures.ProcessPoolExecutor", "Thread"),
        ("import urllib.request", "urllib.request", '"network": ["api.example.com"]'),
        ("from urllib import request", "urllib.request", '"network": ["api.example.com"]'),
        ("__import__('socket')", "socket", "allow socket"),
        ("import importlib\nimportlib.import_module('socket')", "socket", "allow socket"),
        ("from importlib import import_module as load\nload('socket')", "socket", "allow socket"),
        ("import importlib\nimportlib.__import__('socket')", "socket", "allow socket"),
        ("exec('import socket')", "socket", "allow socket"),
        ("exec('import socket', {})", "socket", "allow socket"),
        ("import builtins", "builtins", "allow builtins"),
        ("class A:\n    import socket", "socket", "allow socket"),
        ("[__import__(name) for name in ('socket',)]", "socket", "allow socket"),
        ("import yaml", "yaml", '"pyyaml": "*" to "dependencies"'),
    ],
)
def test_what_is_refused_is_named_with_its_line_and_the_edit(
    plugin: Plugin, statement: str, module: str, edit: str
) -> None:
    if "yaml" in statement:
        (plugin.layer / "yaml.py").write_text("")
        edit = edit.replace("pyyaml", "yaml")
    with pytest.raises(ImportError) as caught:
        plugin.load(f"'''first line'''\n{statement}\n")
    text = str(caught.value)
    # What is in a text that is run has no file, only a line.
    place = "<string>:1" if statement.startswith("exec") else f".py:{1 + len(statement.splitlines())}"
    assert text.startswith(f"{module!r} is not for plugins to import (")
    assert f"{place}): " in text
    assert edit in text
    assert caught.value.name == module


def test_what_is_safe_declared_own_or_ours_is_imported(plugin: Plugin) -> None:
    plugin.package("fast_dep", "fast_dep")
    (plugin.folder / f"beside_{plugin.number}.py").write_text("VALUE = 7")
    module = plugin.load(
        "import os, sys, json, importlib, os.path\nimport fast_dep\nfrom collections import abc\n"
        f"from services_ai_sdk import hookimpl\nfrom beside_{plugin.number} import VALUE\nfrom math import *\n"
    )
    assert (module.VALUE, module.pi > 3) == (7, True)


def test_a_dependency_imports_what_it_likes_and_pays_nothing(plugin: Plugin) -> None:
    before = builtins.__import__
    text = "import socket, subprocess\nfrom os import system\ndef load(name): return __import__(name)\n"
    plugin.package("fast_dep", "fast_dep", text + "def now(): return __import__")
    module = plugin.load("import fast_dep\nCTYPES = fast_dep.load('ctypes')\n")
    assert module.CTYPES.__name__ == "ctypes"
    assert module.fast_dep.now() is before
    assert builtins.__import__ is before


def test_a_package_that_brings_a_module_of_another_name(plugin: Plugin) -> None:
    plugin.package("otherwise_named", "odd_name")
    plugin.package("of_nobody", "undeclared_name")
    assert plugin.load("import odd_name").odd_name
    with pytest.raises(ImportError, match="'undeclared_name' is not for plugins to import"):
        plugin.load("import undeclared_name")


def test_what_is_not_there_is_said_by_python(plugin: Plugin) -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere_at_all'"):
        plugin.load("import nowhere_at_all")
    assert plugin.load("try:\n    import socket\nexcept ImportError:\n    socket = None\n").socket is None


@pytest.mark.parametrize("network", ["internet", ["api.example.com"]])
def test_with_a_network_what_opens_connections_is_allowed(plugin: Plugin, network: Any) -> None:
    plugin.write({**MANIFEST, "network": network})
    assert plugin.load("import urllib.request, ssl").ssl
    with pytest.raises(ImportError, match="declare the network"):
        plugin.load("import socket")


def test_a_waiver_is_for_its_own_line(plugin: Plugin) -> None:
    assert plugin.load("import socket  # services-ai: allow socket - talks to the printer\n").socket
    several = "from os import (\n    system,  # services-ai: allow os.system - runs the printer\n    path,\n)\n"
    assert plugin.load(several).path
    with pytest.raises(ImportError, match="'socket'"):
        plugin.load("import socket  # services-ai: allow socket - why\nimport json, socket\n")
    with pytest.raises(ImportError, match="'socket'"):
        plugin.load("import socket  # services-ai: allow socket\n")
    with pytest.raises(ImportError, match="'socket'"):
        plugin.load("import socket  # services-ai: allow subprocess - the wrong one\n")


def test_hooks_and_modules_that_they_load_are_held_too(plugin: Plugin) -> None:
    (plugin.folder / "late.py").write_text("import socket\n")
    (plugin.folder / "early.py").write_text(
        "def direct():\n    import subprocess\n\ndef by_another():\n    import late\n\n"
        "def fine():\n    import json\n    return json\n"
    )
    importlib.invalidate_caches()
    with PluginSandbox(plugin.folder):
        early = importlib.import_module("early")
        assert early.fine() is json
        with pytest.raises(ImportError, match=r"'subprocess' .*early\.py:2"):
            early.direct()
        with pytest.raises(ImportError, match=r"'socket' .*late\.py:1"):
            early.by_another()


def test_it_leaves_everything_as_it_was(plugin: Plugin) -> None:
    before = (list(sys.meta_path), importlib.import_module, importlib.__import__, builtins.__import__)
    module = plugin.load("def hook():\n    import subprocess\n    return subprocess\n")
    assert (list(sys.meta_path), importlib.import_module, importlib.__import__, builtins.__import__) == before
    assert module.hook().__name__ == "subprocess"


def test_each_import_is_judged_once(plugin: Plugin) -> None:
    """So that a warm call, whose hook imports, reads no files and no lists."""
    (plugin.folder / "warm.py").write_text("def hook():\n    import json\n    from os import path\n")
    importlib.invalidate_caches()

    def judged() -> int:
        calls = []

        def sees(frame: FrameType, event: str, _: Any) -> None:
            if event == "call" and frame.f_code.co_filename == own_imports.__file__:
                calls.append(frame.f_code.co_name)

        sys.setprofile(sees)
        try:
            warm.hook()
        finally:
            sys.setprofile(None)
        return calls.count("check")

    with PluginSandbox(plugin.folder):
        warm = importlib.import_module("warm")
        assert (judged(), judged()) == (2, 0)


AGREED = [
    "import socket", "import os", "from os import system", "from os import path", "import asyncio.subprocess",
    "import http.client", "import ctypes", "from urllib.parse import quote", "import signal", "import pickle",
    "from sys import settrace", "import importlib.machinery", "import fast_dep", "from logging import handlers",
    "import multiprocessing.pool", "import email.mime.text", "import test.support", "from builtins import eval",
]  # fmt: skip


@pytest.mark.parametrize("statement", AGREED)
def test_validate_and_the_runtime_say_the_same(plugin: Plugin, statement: str) -> None:
    plugin.package("fast_dep", "fast_dep")
    name = f"same_{plugin.number}"
    (plugin.folder / f"{name}.py").write_text(statement + "\n")
    found = check_folder(load_manifest(plugin.folder), plugin.folder).findings
    refused = any(each.code.startswith("import-") and str(each.severity) == "error" for each in found)
    if refused:
        with pytest.raises(ImportError, match="is not for plugins to import"):
            plugin.load(statement + "\n", name)
    else:
        assert plugin.load(statement + "\n", name)
