"""A plugin's modules as syntax trees: which class a name means, followed through imports inside the plugin."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.outline import outline

Place = ast.expr | ast.stmt | ast.arg | ast.alias

FILE_MAX_BYTES = 1024 * 1024
_FOLLOW_MAX = 20
_NEWLINE = re.compile(r"\r\n|\r|\n")
_KEYWORDS = {ast.FunctionDef: "def ", ast.AsyncFunctionDef: "async def ", ast.ClassDef: "class "}


class UnreadableModule(Exception):  # noqa: N818 - becomes a finding in source.py
    """A file of the plugin that cannot be read as Python.

    Attributes:
        line: 0 when unknown.
    """

    def __init__(self, code: str, message: str, file: str, line: int = 0, column: int = 0, fix: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.file, self.line, self.column, self.fix = (
            code,
            message,
            file,
            line,
            column,
            fix,
        )

    def finding(self) -> Finding:
        """What it becomes."""
        text = f"{self.file} {self.message}"
        return Finding(self.code, Severity.ERROR, text, self.file, self.line, self.column, fix=self.fix)


@dataclass(frozen=True, slots=True)
class Module:
    """One parsed file.

    Attributes:
        file: Relative to the plugin's folder, POSIX style.
        tree: All of it.
        text: As it was parsed.
        classes: Those at the top level, also inside `if` and `try`.
        imports: Local name → (module relative to the folder, name there), for `from … import …`.
        constants: Names bound to a literal whole number.
        markers: Names under which the hook decorator is known here.
    """

    file: str
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))
    text: str = ""
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    markers: set[str] = field(default_factory=lambda: {"hookimpl"})
    _lines: list[str] = field(default_factory=list)

    def column(self, line: int, offset_bytes: int) -> int:
        """1-based column in characters of an offset as syntax trees have it: in bytes of UTF-8."""
        found = self.line(line)
        if found.isascii():
            return offset_bytes + 1
        return len(found.encode()[:offset_bytes].decode(errors="ignore")) + 1

    def offset(self, line: int, offset_bytes: int = 0) -> int:
        """Where in `text` a place is that syntax trees give as a line and bytes of UTF-8."""
        starts = [0, *(found.end() for found in _NEWLINE.finditer(self.text))]
        return starts[line - 1] + self.column(line, offset_bytes) - 1

    def newline(self) -> str:
        """How lines end here."""
        found = _NEWLINE.search(self.text)
        return found[0] if found else "\n"

    def assigned(self) -> set[str]:
        """Names that are bound at the top, otherwise than by an import or a class."""
        names: set[str] = set()
        for node in _top_level(self.tree.body):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
            else:
                names |= {
                    item.id
                    for item in ast.walk(node)
                    if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
                }
        return names

    def line(self, number: int) -> str:
        """The text of a line; empty beyond the last."""
        if not self._lines:
            self._lines.extend(_NEWLINE.split(self.text))
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def finding(
        self,
        node: Place,
        code: str,
        message: str,
        severity: Severity = Severity.ERROR,
        *,
        fix: str = "",
    ) -> Finding:
        """A finding about a place in the code: the name of what has one, else the whole expression."""
        column, length = self.name_span(node)
        return Finding(code, severity, message, self.file, node.lineno, column, length, fix)

    def name_span(self, node: Place) -> tuple[int, int]:
        """1-based column and length; the keyword before a name is taken to be followed by one space."""
        keyword = _KEYWORDS.get(type(node), "")
        name = getattr(node, "arg" if isinstance(node, ast.arg) else "name", "")
        column = self.column(node.lineno, node.col_offset)
        if name:
            return column + len(keyword), len(name)
        if node.end_col_offset is None or node.end_lineno != node.lineno:
            return column, 1
        return column, max(1, self.column(node.lineno, node.end_col_offset) - column)


class Modules:
    """Reads each file once.

    Args:
        folder: The plugin's folder.
        python: What it is written for, `python3.12`; None when the manifest does not say.
    """

    def __init__(self, folder: Path, python: str | None = None) -> None:
        self._folder = folder
        self._minor = int(python.rpartition(".")[2]) if python else None
        self._read: dict[str, Module] = {}

    def file_of(self, entry_point: str) -> str | None:
        """The file that `main.py` or `app.main` names, or None when it is not there."""
        if entry_point.endswith(".py"):
            candidates = [entry_point]
        else:
            base = entry_point.replace(".", "/")
            candidates = [f"{base}.py", f"{base}/__init__.py"]
        return next((file for file in candidates if (self._folder / file).is_file()), None)

    def read(self, file: str) -> Module:
        """The module in `file`.

        Raises:
            UnreadableModule: Too large, not text, or not Python.
        """
        if file not in self._read:
            self._read[file] = _collect(file, *_parse(self._folder / file, file, self._minor))
        return self._read[file]

    def find_class(self, module: Module, name: str, depth: int = 0) -> tuple[Module, ast.ClassDef] | None:
        """The class that `name` means in `module`, followed through `from … import …` inside the plugin."""
        if name in module.classes:
            return module, module.classes[name]
        if name not in module.imports or depth > _FOLLOW_MAX:
            return None
        source, original = module.imports[name]
        file = self.file_of(source) if source else None
        return self.find_class(self.read(file), original, depth + 1) if file else None

    def bases(self, module: Module, node: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef]]:
        """The class and its base classes that are in the plugin, nearest first, each once."""
        waiting, seen = [(module, node)], set[int]()
        while waiting and len(seen) < _FOLLOW_MAX:
            current, definition = waiting.pop(0)
            if id(definition) in seen:
                continue
            seen.add(id(definition))
            yield current, definition
            for base in definition.bases:
                found = self.find_class(current, base.id) if isinstance(base, ast.Name) else None
                if found:
                    waiting.append(found)


def _parse(path: Path, file: str, minor: int | None) -> tuple[ast.Module, str]:
    try:
        raw = path.read_bytes() if path.stat().st_size <= FILE_MAX_BYTES else None
    except OSError as error:
        raise UnreadableModule("source-unreadable", f"cannot be read: {error.strerror}", file) from error
    if raw is None:
        raise UnreadableModule("source-too-large", f"is larger than {FILE_MAX_BYTES:,} bytes", file)
    try:
        older = minor is not None and minor < sys.version_info.minor
        tree = ast.parse(raw, filename=file, feature_version=(3, minor or 0) if older else None)
        return tree, _decoded(raw)
    except SyntaxError as error:
        if minor is not None and minor > sys.version_info.minor:
            return _parse_newer(raw, file, error), _decoded(raw)
        version = f"3.{minor or sys.version_info.minor}"
        raise UnreadableModule(
            "source-syntax",
            f"is not valid Python {version}: {error.msg}",
            file,
            error.lineno or 0,
            error.offset or 0,
            "" if minor else f'if it is newer Python, say so: "python": "python3.{sys.version_info.minor + 1}"',
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableModule("source-syntax", f"is not valid Python: {error}", file) from error


def _decoded(raw: bytes) -> str:
    """As Python reads it: what could be parsed has an encoding that is known."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return raw.decode(encoding, "replace")
    except (SyntaxError, LookupError):
        return raw.decode("utf-8-sig", "replace")


def _parse_newer(raw: bytes, file: str, error: SyntaxError) -> ast.Module:
    """This Python cannot read all of it: the outline has what we need."""
    try:
        return ast.parse(outline(raw.decode("utf-8-sig")), filename=file)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise UnreadableModule(
            "source-syntax", f"cannot be read: {error.msg}", file, error.lineno or 0, error.offset or 0
        ) from error


def _collect(file: str, tree: ast.Module, text: str) -> Module:
    module = Module(file, tree, text)
    package = file.removesuffix(".py").removesuffix("/__init__").split("/")
    if not file.endswith("__init__.py"):
        package = package[:-1]
    for node in _top_level(tree.body):
        if isinstance(node, ast.ClassDef):
            module.classes[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                module.imports[alias.asname or alias.name] = (source, alias.name)
                if alias.name == "hookimpl":
                    module.markers.add(alias.asname or alias.name)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            _collect_assignment(module, node.targets[0].id, node.value)
    return module


def _collect_assignment(module: Module, name: str, value: ast.expr) -> None:
    if isinstance(value, ast.Constant) and type(value.value) is int:
        module.constants[name] = value.value
    elif isinstance(value, ast.Call):
        called = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        if called == "HookimplMarker":
            module.markers.add(name)
    elif "hookimpl" in (getattr(value, "attr", ""), getattr(value, "id", "")):
        module.markers.add(name)


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _top_level([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            handlers = [statement for handler in node.handlers for statement in handler.body]
            yield from _top_level([*node.body, *handlers, *node.orelse, *node.finalbody])
