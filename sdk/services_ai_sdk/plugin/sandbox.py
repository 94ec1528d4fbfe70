"""`PluginSandbox(plugin)`: the import rules in force, for the plugin's own modules alone.

Each module of the plugin's is given builtins of its own, in which `__import__` asks the rules first. Which module
imports is so no question of stack frames: dependencies, the standard library and the runtime keep the
interpreter's own `__import__`, and what they import costs them nothing more. A hook that imports nothing pays
nothing. It is no boundary: code that wants past it finds its way; that is what role and process are for.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import FrameType, ModuleType, TracebackType
from typing import Any, Self

from services_ai_sdk.plugin.own_imports import OwnImports, refuse_hiding
from services_ai_sdk.plugin.paths import CodePaths


class PluginSandbox:
    """Holds a plugin's own modules to the import rules, from entering to leaving.

    It may be entered again. Modules that were imported before are not held to anything.

    Args:
        plugin: Its folder, with its manifest.json unless the rest says what that would.
        packages: Names of the declared dependencies.
        network: Whether the manifest asks for one.

    Raises:
        InvalidInputError: There is no manifest.json that can be read.
    """

    def __init__(
        self,
        plugin: str | os.PathLike[str],
        *,
        packages: Collection[str] | None = None,
        network: bool | None = None,
    ) -> None:
        folder = os.path.abspath(plugin)  # noqa: PTH100 - pathlib costs a cold start 3 ms
        if packages is None or network is None:
            from services_ai_sdk.plugin.loading import read_declared

            declared_packages, declared_network = read_declared(folder)
            packages = declared_packages if packages is None else packages
            network = declared_network if network is None else network
        self._paths = CodePaths(folder)
        self._imports = OwnImports(self._paths, packages, network=network)
        self._passed: set[tuple[str, tuple[str, ...]]] = set()
        self._import = builtins.__import__
        self._builtins = {**vars(builtins), "__import__": self._checked_import}
        self._replaced: dict[str, Callable[..., Any]] = {}
        self._active = False

    def __enter__(self) -> Self:
        if not self._active:
            self._active = True
            sys.meta_path.insert(0, self)
            for name in ("import_module", "__import__"):
                self._replaced[name] = vars(importlib)[name]
                setattr(importlib, name, self._by_name(vars(importlib)[name]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._active = False
        sys.meta_path.remove(self)
        for name, original in self._replaced.items():
            setattr(importlib, name, original)

    def refuse_hiding(self, entry_point: str) -> None:
        """Refuses a plugin whose files take the place of Python's own modules.

        Raises:
            ImportError: With the file.
        """
        refuse_hiding(self._imports.own, self._paths.task_root, entry_point)

    def hold(self, module: ModuleType) -> None:
        """Holds a module that has not run yet to the rules."""
        module.__dict__["__builtins__"] = self._builtins

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The import system's: of the plugin's own modules, how they are loaded; None for any other."""
        if fullname.partition(".")[0] not in self._imports.own:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        loader = spec.loader if spec is not None else None
        if spec is None or type(loader) is not SourceFileLoader or not self._paths.in_app(loader.path):
            return None
        spec.loader = _Held(loader.name, loader.path, self)
        return spec

    def _checked_import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - as __import__ names it
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level == 0 and self._active:
            self._check(name, tuple(fromlist or ()), sys._getframe(1))  # noqa: SLF001 - there is no other way
        return self._import(name, globals, locals, fromlist or (), level)

    def _by_name(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`importlib.import_module`, which everybody may call: who does so is told by their builtins."""

        def import_by_name(name: str, *arguments: Any, **keywords: Any) -> Any:
            frame = sys._getframe(1)  # noqa: SLF001
            if frame.f_builtins is self._builtins and not name.startswith("."):
                self._check(name, (), frame)
            return original(name, *arguments, **keywords)

        return import_by_name

    def _check(self, name: str, members: tuple[str, ...], frame: FrameType) -> None:
        if (name, members) in self._passed:
            return
        self._imports.check(name, members, frame.f_code.co_filename, _lines(frame))
        # A waiver is for its own line, and those are few.
        if self._imports.is_allowed(name, members):
            self._passed.add((name, members))


class _Held(SourceFileLoader):
    """Loads one of the plugin's own modules under the rules."""

    def __init__(self, name: str, path: str, sandbox: PluginSandbox) -> None:
        super().__init__(name, path)
        self._sandbox = sandbox

    def exec_module(self, module: ModuleType) -> None:
        self._sandbox.hold(module)
        super().exec_module(module)


def _lines(frame: FrameType) -> tuple[int, int]:
    """First and last line of the statement that a frame is in."""
    for index, (first, last, _, _) in enumerate(frame.f_code.co_positions()):
        if index * 2 == frame.f_lasti:
            return first or frame.f_lineno, last or frame.f_lineno
    return frame.f_lineno, frame.f_lineno
