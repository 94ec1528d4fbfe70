"""Permissions that code uses, against those that the manifest declares."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services_ai_sdk.hooks.nearest import nearest
from services_ai_sdk.hooks.permissions import PERMISSIONS, READS, WRITES, used_by_hook
from services_ai_sdk.manifest.declared import Declared
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.load import finding_at
from services_ai_sdk.manifest.modules import Module

_NEEDS = {**READS, **WRITES}
_ALSO_THERE = ("actions",)


@dataclass(frozen=True, slots=True)
class ApiUse:
    """One `self.api.X`.

    Attributes:
        node: Where.
        certain: Whether it is the plugin's own api; a parameter called `api` may be something else.
    """

    name: str
    module: Module
    node: ast.expr
    certain: bool


def permission_findings(
    modules: Sequence[Module], declared: Declared, hooks: Iterable[str] | None
) -> Iterator[Finding]:
    """What is used and not declared, not there at all, or declared and never used.

    Args:
        modules: All of the plugin's own code.
        declared: By the manifest.
        hooks: Those that the plugin implements; None when that is not known: then nothing is called unused.
    """
    uses = [use for module in modules for use in api_uses(module)]
    first: dict[str, list[ApiUse]] = {}
    for use in uses:
        if use.name in _NEEDS:
            first.setdefault(_NEEDS[use.name], []).append(use)
        elif use.certain:
            yield from _unknown(use)
    granted = set(declared.permissions.values())
    for permission, needing in first.items():
        if permission not in granted:
            yield _undeclared(permission, needing)
    if hooks is not None:
        yield from _unused(modules, declared, {name for hook in hooks for name in used_by_hook(hook)})


def api_uses(module: Module) -> Iterator[ApiUse]:
    """Every attribute of `self.api`, of a parameter `api`, or of a name that one of them was given."""
    names = _api_names(module)
    foreign = _with_an_api_of_their_own(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and _is_api(node.value, names):
            if id(node) not in foreign:
                yield ApiUse(node.attr, module, node, _is_own(node.value))
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("getattr", "hasattr")
            and len(node.args) > 1
            and _is_api(node.args[0], names)
            and isinstance(node.args[1], ast.Constant)
            and node.args[1].value in _NEEDS
            and id(node) not in foreign
            and node.func.id == "getattr"
        ):
            yield ApiUse(str(node.args[1].value), module, node.args[1], certain=False)


def _api_names(module: Module) -> set[str]:
    names, imported = set[str](), set[str]()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.arg) and node.arg == "api":
            names.add("api")
        elif isinstance(node, ast.Assign) and _is_own(node.value):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None and _is_own(node.value):
            names.update([node.target.id] if isinstance(node.target, ast.Name) else [])
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imported.update(alias.asname or alias.name for alias in node.names)
    return names - imported


def _is_own(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "api"
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def _is_api(node: ast.expr, names: set[str]) -> bool:
    return _is_own(node) or (isinstance(node, ast.Name) and node.id in names)


def _with_an_api_of_their_own(tree: ast.Module) -> set[int]:
    """Nodes inside classes that set `self.api` themselves: a client of something, not the plugin."""
    inside: set[int] = set()
    for owner in ast.walk(tree):
        if isinstance(owner, ast.ClassDef):
            nodes = list(ast.walk(owner))
            if any(
                isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_own(node)
                for node in nodes
            ):
                inside.update(id(node) for node in nodes)
    return inside


def _undeclared(permission: str, needing: list[ApiUse]) -> Finding:
    use, more = needing[0], needing[1:]
    also = f"; so do {len(more)} more, the next in {more[0].module.file}:{more[0].node.lineno}" if more else ""
    text = f"api.{use.name} needs the permission {permission!r}, which the manifest does not declare{also}"
    fix = f'add "{permission}" to "permissions" in manifest.json; an admin has to grant it'
    return use.module.finding(use.node, "permission-undeclared", text, fix=fix)


def _unknown(use: ApiUse) -> Iterator[Finding]:
    known = [*_NEEDS, *_ALSO_THERE]
    if use.name in known:
        return
    meant = nearest(use.name, known)
    if meant:
        text = f"api has no {use.name!r}"
        yield use.module.finding(use.node, "api-misspelt", text, fix=f"did you mean {meant}?")
    else:
        text = f"api has no {use.name!r} on this platform; calling it raises AttributeError"
        fix = f"it has {', '.join(_NEEDS)}"
        yield use.module.finding(use.node, "api-unknown", text, Severity.WARNING, fix=fix)


def _unused(modules: Sequence[Module], declared: Declared, by_hooks: set[str]) -> Iterator[Finding]:
    named = {name for module in modules for name in _names_and_texts(module.tree)}
    for index, permission in declared.permissions.items():
        methods = {method for method, needed in _NEEDS.items() if needed == permission}
        if permission in PERMISSIONS and permission not in by_hooks and not named & {permission, *methods}:
            yield finding_at(
                declared.located,
                ("permissions", index),
                "permission-unused",
                f"the permission {permission!r} is never used: no hook of the plugin and no call of api needs it",
                fix="delete it: an admin has to trust the plugin with it",
                severity=Severity.WARNING,
            )


def _names_and_texts(tree: ast.Module) -> Iterator[str]:
    """Whatever could lead to a method of api, also by ways that cannot be followed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
