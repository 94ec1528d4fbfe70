"""Where code, layers, byte code and Pythons lie unpacked, each named by what it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from services_ai_sdk.emulator.archive import unpack
from services_ai_sdk.emulator.byte_code import compile_tree
from services_ai_sdk.emulator.place import place, sweep
from services_ai_sdk.emulator.runtimes import Runtime, install_runtime
from services_ai_sdk.emulator.spec import Artifact, FunctionSpec


@dataclass(frozen=True, slots=True)
class Tree:
    """One unpacked zip.

    Args:
        files: Its files, read-only by convention.
        bytecode: A tree of the same shape that holds `__pycache__` folders alone, for one Python.
    """

    files: Path
    bytecode: Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything of one function that a worker mounts."""

    runtime: Runtime
    code: Tree
    layers: tuple[Tree, ...]


class Store:
    """The store's folder. All methods block: call them in a thread.

    Args:
        root: Must be passable for an unprivileged user.
        progress: Told, in words, what takes time.
    """

    def __init__(self, root: Path, progress: Callable[[str], None]) -> None:
        self.root = root
        self._progress = progress

    def sweep(self) -> None:
        """Removes what processes that are gone left unfinished."""
        for name in ("code", "bytecode", "python", "runtime"):
            for folder in (self.root / name, *(self.root / name).glob("[0-9]*")):
                sweep(folder)

    def lay_out(self, spec: FunctionSpec) -> Layout:
        """Makes a function's Python and trees ready; quick when they are there already.

        Raises:
            InterpreterMissingError: No such Python here.
            UnsafeArchiveError: A zip that Lambda would not take.
            EmulatorError: The runtime cannot be installed.
        """
        runtime = install_runtime(spec.runtime, self.root, self._progress)
        code, *layers = (self._tree(artifact, runtime) for artifact in (spec.code, *spec.layers))
        return Layout(runtime, code, tuple(layers))

    def _tree(self, artifact: Artifact, runtime: Runtime) -> Tree:
        files = self.root / "code" / artifact.sha256
        if not files.is_dir():
            with place(files) as folder:
                unpack(artifact.path, folder / "files")
                _lift(folder / "files", folder)
        bytecode = self.root / "bytecode" / runtime.minor / artifact.sha256
        if not bytecode.is_dir():
            with place(bytecode) as folder:
                compile_tree(files, folder, runtime)
        return Tree(files, bytecode)


def _lift(inner: Path, outer: Path) -> None:
    """Moves what was unpacked one folder up: `unpack` makes its own target, `place` has one already."""
    hidden = inner.rename(outer / ".unpacked")
    for item in list(hidden.iterdir()):
        item.rename(outer / item.name)
    hidden.rmdir()
