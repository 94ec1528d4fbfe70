"""What a module imports, and which members of modules it reaches: read from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from services_ai_sdk.manifest.modules import Module, Place

_CAUGHT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that is imported, or one member of a module that is used.

    Attributes:
        name: Dotted and absolute; empty when it is made at run time.
        module: Where.
        node: Its place.
        optional: Whether the code goes on without it.
        member: Whether it is `os.system`, where `os` was imported before.
        statement_line: Where the statement begins, of one that goes over several lines.
    """

    name: str
    module: Module
    node: Place
    optional: bool = False
    member: bool = False
    statement_line: int = 0


def imports_of(module: Module) -> list[Imported]:
    """Imports of other modules than the plugin's by relative name; those for type checkers are not among them."""
    found: list[Imported] = []
    bound: dict[str, str] = {}
    attributes: list[ast.Attribute] = []
    for node, optional in _walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                bound[alias.asname or top] = alias.name if alias.asname else top
                found.append(Imported(alias.name, module, alias, optional))
        elif isinstance(node, ast.ImportFrom):
            found += _from(node, module, optional, bound)
        elif isinstance(node, ast.Attribute):
            attributes.append(node)
        elif isinstance(node, ast.Call):
            found += _called(node, module, optional)
    found += _members(module, attributes, bound)
    return sorted(found, key=lambda item: (item.node.lineno, item.node.col_offset))


def _walk(tree: ast.Module) -> Iterator[tuple[ast.AST, bool]]:
    """Every node, with whether an ImportError in it is caught; without recursion, however deep it goes."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, optional = waiting.pop()
        if isinstance(node, ast.If) and _for_type_checkers(node.test):
            waiting += [(child, optional) for child in node.orelse]
            continue
        if isinstance(node, ast.Try):
            caught = optional or any(_catches(handler) for handler in node.handlers)
            waiting += [(child, caught) for child in node.body]
            waiting += [(child, optional) for child in (*node.handlers, *node.orelse, *node.finalbody)]
            continue
        yield node, optional
        waiting += [(child, optional) for child in ast.iter_child_nodes(node)]


def _from(node: ast.ImportFrom, module: Module, optional: bool, bound: dict[str, str]) -> Iterator[Imported]:
    if node.level or not node.module:
        return  # of the plugin itself
    for alias in node.names:
        name = node.module if alias.name == "*" else f"{node.module}.{alias.name}"
        bound[alias.asname or alias.name] = name
        yield Imported(name, module, alias, optional, statement_line=node.lineno)


def _called(node: ast.Call, module: Module, optional: bool) -> Iterator[Imported]:
    """`importlib.import_module(…)` and `__import__(…)`."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called not in ("import_module", "__import__"):
        return
    argument = (
        node.args[0] if node.args else next((item.value for item in node.keywords if item.arg == "name"), None)
    )
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        if not argument.value.startswith("."):
            yield Imported(argument.value, module, argument, optional)
    elif argument is not None:
        yield Imported("", module, argument, optional)


def _members(module: Module, attributes: list[ast.Attribute], bound: dict[str, str]) -> Iterator[Imported]:
    for node in attributes:
        parts: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in bound:
            yield Imported(".".join([bound[inner.id], *reversed(parts)]), module, node, member=True)


def _catches(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or getattr(kind, "id", "") in _CAUGHT for kind in kinds)


def _for_type_checkers(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
