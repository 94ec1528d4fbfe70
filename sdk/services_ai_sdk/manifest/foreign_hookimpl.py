"""Plugins of other hosts: `hookimpl` from the host's own package, or made with pluggy."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from services_ai_sdk.manifest.edits import Edit
from services_ai_sdk.manifest.modules import Module

OURS = "services_ai_sdk"
_FROM = re.compile(r"from\s+(?P<module>[\w.]+)\s+import\b")


def uses_pluggys_marker(module: Module) -> bool:
    """Whether a hook decorator is made here with pluggy."""
    return any(True for _ in _marker_calls(module))


def foreign_edits(module: Module) -> Iterator[Edit]:
    """Takes `hookimpl` from services_ai_sdk; nothing where another name comes from the same import."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _from_host(module, node)
        elif isinstance(node, ast.Import) and [alias.name for alias in node.names] == ["pluggy"]:
            yield from _whole_pluggy(module, node)


def _from_host(module: Module, node: ast.ImportFrom) -> Iterator[Edit]:
    names = [alias.name for alias in node.names]
    if (node.module or "").partition(".")[0] == OURS or names not in (["hookimpl"], ["HookimplMarker"]):
        return
    start = module.offset(node.lineno, node.col_offset)
    found = _FROM.match(module.text, start)
    if not found:
        return
    words = f"hookimpl comes from {OURS}, not from {node.module}"
    at = found.span("module")
    if names == ["hookimpl"]:
        yield Edit(module.file, *at, OURS, words)
        return
    alias = node.names[0]
    calls = list(_marker_calls(module))
    if alias.asname or node.module != "pluggy" or _others_use(module, "HookimplMarker", len(calls)):
        return
    name_at = module.offset(alias.lineno, alias.col_offset)
    yield Edit(module.file, *at, OURS, words)
    yield Edit(module.file, name_at, name_at + len(alias.name), "hookimpl", words)
    for call in calls:
        yield Edit(module.file, *_span(module, call), "hookimpl", words)


def _whole_pluggy(module: Module, node: ast.Import) -> Iterator[Edit]:
    alias = node.names[0]
    local = alias.asname or alias.name
    calls = list(_marker_calls(module))
    if not calls or _others_use(module, local, len(calls)):
        return
    words = f"hookimpl comes from {OURS}, not from pluggy"
    at = module.offset(alias.lineno, alias.col_offset)
    yield Edit(module.file, at, at + len(alias.name), OURS, words)
    base = alias.asname or OURS
    for call in calls:
        yield Edit(module.file, *_span(module, call), f"{base}.hookimpl", words)


def _marker_calls(module: Module) -> Iterator[ast.Call]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name == "HookimplMarker":
                yield node


def _others_use(module: Module, name: str, calls: int) -> bool:
    """Whether a name is used for more than the calls that are replaced."""
    uses = [node for node in ast.walk(module.tree) if isinstance(node, ast.Name) and node.id == name]
    return len(uses) != calls


def _span(module: Module, node: ast.Call) -> tuple[int, int]:
    assert node.end_lineno is not None
    return module.offset(node.lineno, node.col_offset), module.offset(node.end_lineno, node.end_col_offset or 0)
