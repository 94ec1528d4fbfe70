"""The hook methods of a plugin's class: names, priorities, parameters, and what is wrong with them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from services_ai_sdk.hooks.catalogue import INJECTED, get, names, suggest
from services_ai_sdk.hooks.nearest import nearest
from services_ai_sdk.manifest.crossrules import unknown_hook
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.modules import Module, Modules

Method = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class FoundHook:
    """One hook method.

    Attributes:
        priority: None when the decorator does not say.
        parameters: Without `self`.
    """

    name: str
    priority: int | None
    parameters: tuple[str, ...]
    file: str
    line: int
    column: int
    in_catalogue: bool


def methods_of(node: ast.ClassDef) -> Iterator[Method]:
    """The methods that the class itself defines."""
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement


def is_hook_method(module: Module, method: Method) -> bool:
    """Whether it is decorated with @hookimpl, or has the name of a hook."""
    return _marker(module, method) is not None or method.name in names()


def _marker(module: Module, method: Method) -> ast.expr | None:
    for decorator in method.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(target, ast.Attribute) and target.attr == "hookimpl":
            return decorator
        if isinstance(target, ast.Name) and target.id in module.markers:
            return decorator
    return None


def hook_methods(modules: Modules, module: Module, node: ast.ClassDef) -> tuple[list[FoundHook], list[Finding]]:
    """The hooks of the class and of its base classes in the plugin, and what is wrong with them."""
    hooks: dict[str, FoundHook] = {}
    findings: list[Finding] = []
    seen: set[str] = set()
    for owner, definition in modules.bases(module, node):
        for method in methods_of(definition):
            marker = _marker(owner, method)
            if method.name in seen or not is_hook_method(owner, method):
                _lookalike(owner, method, marker, findings)
                continue
            seen.add(method.name)
            hooks[method.name] = _hook(owner, method, marker, findings)
    return list(hooks.values()), findings


def _lookalike(
    module: Module,
    method: Method,
    marker: ast.expr | None,
    findings: list[Finding],
) -> None:
    """A public method with no decorator whose name is nearly a hook's."""
    meant = suggest(method.name) if marker is None and not method.name.startswith("_") else None
    if meant and meant != method.name:
        text = f"the method {method.name!r} looks like the hook {meant!r}, but will not be called"
        findings.append(
            module.finding(
                method,
                "hook-lookalike",
                text,
                Severity.WARNING,
                fix=f"rename it to {meant} and add @hookimpl",
            )
        )


def _hook(
    module: Module,
    method: Method,
    marker: ast.expr | None,
    findings: list[Finding],
) -> FoundHook:
    known = method.name in names()
    unknown = unknown_hook(method.name)
    if unknown:
        findings.append(module.finding(method, unknown.code, unknown.message, unknown.severity, fix=unknown.fix))
    if marker is None:
        text = f"{method.name!r} has no @hookimpl; it is taken for the hook because of its name"
        findings.append(
            module.finding(method, "hook-undecorated", text, Severity.WARNING, fix="write @hookimpl above it")
        )
    if isinstance(method, ast.AsyncFunctionDef):
        text = f"the hook {method.name!r} is async; hooks are called as plain functions"
        findings.append(module.finding(method, "hook-async", text, fix="def instead of async def"))
    parameters = _parameters(method)
    if known:
        findings.extend(_wrong_parameters(module, method, parameters))
    priority = _priority(module, marker, findings) if isinstance(marker, ast.Call) else None
    column, _ = module.name_span(method)
    return FoundHook(method.name, priority, tuple(parameters), module.file, method.lineno, column, known)


def _parameters(method: Method) -> dict[str, ast.arg]:
    given = method.args
    static = any(isinstance(item, ast.Name) and item.id == "staticmethod" for item in method.decorator_list)
    positional = [*given.posonlyargs, *given.args][0 if static else 1 :]
    return {argument.arg: argument for argument in [*positional, *given.kwonlyargs]}


def _wrong_parameters(module: Module, method: Method, parameters: dict[str, ast.arg]) -> Iterator[Finding]:
    given = method.args
    with_default = {
        item.arg for item in [*given.posonlyargs, *given.args][-len(given.defaults) or len(given.args) :]
    }
    with_default |= {
        item.arg for item, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default
    }
    allowed = (*get(method.name).parameter_names(), *INJECTED)
    positional_only = {item.arg for item in given.posonlyargs}
    for name, argument in parameters.items():
        if name in positional_only:
            text = f"{name!r} is positional-only; hooks are called with keywords"
            yield module.finding(argument, "hook-parameter-positional", text, fix="delete the /")
        elif name not in allowed and name not in with_default:
            meant = nearest(name, allowed, cutoff=0.6)
            text = f"the hook {method.name!r} has no parameter {name!r}"
            fix = f"did you mean {meant}?" if meant else f"it has {', '.join(allowed)}; take those you need"
            yield module.finding(argument, "hook-parameter-unknown", text, fix=fix)


def _priority(module: Module, call: ast.Call, findings: list[Finding]) -> int | None:
    priority: int | None = None
    for option in call.keywords:
        value = option.value
        number = module.constants.get(value.id) if isinstance(value, ast.Name) else getattr(value, "value", None)
        if option.arg == "priority":
            if type(number) is not int or not 0 <= number <= 100:
                text = "priority must be a whole number from 0 to 100, written out"
                findings.append(module.finding(value, "hook-priority", text, fix="priority=50"))
            else:
                priority = number
        elif option.arg == "tryfirst" and number is True:
            priority = 0
        elif option.arg == "trylast" and number is True:
            priority = 100
        elif option.arg not in ("tryfirst", "trylast", "optionalhook"):
            text = f"@hookimpl knows no {option.arg!r} here: each plugin runs in a process of its own"
            findings.append(module.finding(value, "hook-option", text, fix="delete it; use priority=…"))
    return priority
