"""What a plugin's code says about it, read without running it: its class and its hooks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services_ai_sdk.hooks.catalogue import names
from services_ai_sdk.hooks.nearest import nearest
from services_ai_sdk.manifest.base_class import BASE_CLASS, base_findings
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.methods import FoundHook, hook_methods, is_hook_method, methods_of
from services_ai_sdk.manifest.modules import Module, Modules, UnreadableModule


@dataclass(frozen=True, slots=True)
class PluginSource:
    """A plugin's class.

    Attributes:
        entry_point: Where it was found, as a manifest writes it.
        hooks: By name.
    """

    entry_point: str
    class_name: str
    hooks: tuple[FoundHook, ...]


def read_source(
    modules: Modules, folder: Path, entry_point: str | None, class_name: str | None
) -> tuple[PluginSource | None, list[Finding]]:
    """Reads the plugin's class from its files.

    Args:
        modules: Of that folder.
        folder: The plugin's folder.
        entry_point: None takes main.py, or the one file at the top that has a plugin class.
        class_name: None takes the one that extends ServicesAIPlugin or has hook methods.

    Returns:
        The class, or None with findings that say why; never raises for what is in the files.
    """
    try:
        file = _entry_file(modules, folder, entry_point)
        if file is None:
            return None, [_no_entry(folder, entry_point)]
        module = modules.read(file)
        chosen = _named(modules, module, class_name) if class_name else _only(modules, module)
        if isinstance(chosen, Finding):
            return None, [chosen]
        hooks, findings = hook_methods(modules, *chosen)
    except UnreadableModule as error:
        return None, [error.finding()]
    # A class that the entry point imports under another name is asked for by that name.
    name = class_name or next(
        (local for local in module.imports if modules.find_class(module, local) == chosen), chosen[1].name
    )
    if not hooks:
        findings.append(
            chosen[0].finding(
                chosen[1],
                "hooks-none",
                f"the class {name} has no hook",
                fix=f"add a method with @hookimpl: {', '.join(names())}",
            )
        )
    findings += base_findings(*chosen)
    spelled = entry_point or file
    return PluginSource(spelled, name, tuple(sorted(hooks, key=lambda hook: hook.name))), findings


def _entry_file(modules: Modules, folder: Path, entry_point: str | None) -> str | None:
    found = modules.file_of(entry_point or "main.py")
    if found or entry_point:
        return found
    having = []
    for path in sorted(folder.glob("*.py"))[:50]:
        try:
            if not isinstance(_only(modules, modules.read(path.name)), Finding):
                having.append(path.name)
        except UnreadableModule:
            continue  # it cannot be the one we look for; when no other is, "no entry point" says what to do
    return having[0] if len(having) == 1 else None


def _no_entry(folder: Path, entry_point: str | None) -> Finding:
    wanted = entry_point or "main.py"
    there = sorted(path.name for path in folder.glob("*.py"))[:5]
    fix = f'set "entry_point" to one of {", ".join(there)}' if there else f"add {wanted}"
    return Finding("entry-point-missing", Severity.ERROR, f"the entry point {wanted} is missing", wanted, fix=fix)


def _named(modules: Modules, module: Module, name: str) -> tuple[Module, ast.ClassDef] | Finding:
    found = modules.find_class(module, name)
    if found:
        return found
    meant = nearest(name, [cls for cls, _ in _candidates(modules, module)], cutoff=0.6)
    fix = f'did you mean "plugin_class": "{meant}"?' if meant else f'add class {name}, or correct "plugin_class"'
    return Finding(
        "plugin-class-missing", Severity.ERROR, f"{module.file} has no class {name}", module.file, fix=fix
    )


def _only(modules: Modules, module: Module) -> tuple[Module, ast.ClassDef] | Finding:
    candidates = dict(_candidates(modules, module))
    base_ids = {
        id(base)
        for owner, node in candidates.values()
        for _, base in modules.bases(owner, node)
        if base is not node
    }
    outermost = {name: found for name, found in candidates.items() if id(found[1]) not in base_ids}
    if len(outermost) == 1:
        return next(iter(outermost.values()))
    if not outermost:
        text = f"{module.file} has no plugin class"
        fix = f"write class …({BASE_CLASS}) with a method for each hook, decorated with @hookimpl"
    else:
        text = f"{module.file} has more than one plugin class: {', '.join(outermost)}"
        fix = f'say which: "plugin_class": "{next(iter(outermost))}"'
    return Finding("plugin-class-unclear", Severity.ERROR, text, module.file, fix=fix)


def _candidates(modules: Modules, module: Module) -> Iterator[tuple[str, tuple[Module, ast.ClassDef]]]:
    """Classes that extend our base, or have hook methods."""
    for name in [*module.classes, *module.imports]:
        found = modules.find_class(module, name)
        if found and any(_is_plugin(owner, node) for owner, node in modules.bases(*found)):
            yield name, found


def _is_plugin(module: Module, node: ast.ClassDef) -> bool:
    bases = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
    originals = {module.imports[base][1] for base in bases if base in module.imports}
    if BASE_CLASS in bases | originals:
        return True
    return any(is_hook_method(module, method) for method in methods_of(node))
