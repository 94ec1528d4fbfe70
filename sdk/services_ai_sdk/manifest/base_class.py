"""A plugin's class that does not extend ours: what it lacks, and whether it could."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.modules import Module

BASE_CLASS = "ServicesAIPlugin"

_OF_OURS = frozenset({"settings", "permissions", "api", "log", "bind_call"})


def base_findings(module: Module, node: ast.ClassDef) -> Iterator[Finding]:
    """A warning for a class without any base. One that another host or a library gives may have what ours has."""
    if node.bases or node.keywords:
        return
    text = f"the class {node.name} does not extend {BASE_CLASS}: it has no self.settings, self.api and self.log"
    taken = conflicts(node)
    fix = f"class {node.name}({BASE_CLASS})"
    if taken:
        fix += f"; it has {', '.join(taken)} of its own, which would meet ours"
    yield module.finding(node, "plugin-base-missing", text, Severity.WARNING, fix=fix)


def conflicts(node: ast.ClassDef) -> list[str]:
    """What of the class would be hidden by our base, hide it, or keep it from being made."""
    taken: set[str] = set()
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            taken |= {statement.name} & _OF_OURS
            if statement.name == "__init__" and _needs_arguments(statement.args):
                taken.add("__init__ with arguments")
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            taken |= {target.id for target in targets if isinstance(target, ast.Name)} & _OF_OURS
    for item in ast.walk(node):
        if not isinstance(item, ast.Attribute) or not isinstance(item.ctx, ast.Store):
            continue
        if isinstance(item.value, ast.Name) and item.value.id == "self":
            taken |= {item.attr} & _OF_OURS
    return sorted(taken)


def _needs_arguments(given: ast.arguments) -> bool:
    positional = [*given.posonlyargs, *given.args][1:]
    return len(positional) > len(given.defaults) or any(default is None for default in given.kw_defaults)
