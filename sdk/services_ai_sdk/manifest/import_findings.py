"""Imports that are not allowed, each with the edit of the manifest or the safe alternative."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from services_ai_sdk.manifest.declared import Declared
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.foreign_hookimpl import uses_pluggys_marker
from services_ai_sdk.manifest.import_names import Provided, is_known, package_of, provided
from services_ai_sdk.manifest.import_use import Imported, imports_of
from services_ai_sdk.manifest.modules import Module
from services_ai_sdk.manifest.waivers import Waivers
from services_ai_sdk.plugin.import_rules import NETWORK, PluginImportRestriction, is_standard


def import_findings(
    modules: Sequence[Module],
    waivers: Mapping[str, Waivers],
    declared: Declared | None,
    *,
    folder: Path,
    own: frozenset[str],
    layer: frozenset[str] | None = None,
) -> Iterator[Finding]:
    """Every import of the plugin's own modules that the rules refuse.

    Args:
        modules: All of the plugin's own code.
        waivers: By file.
        declared: By the manifest; None when it cannot be read: then only standard modules are judged.
        folder: The plugin's.
        own: Top-level names of its modules.
        layer: Import names that the built layer has; guessed from the packages' names when left out.
    """
    imports = [imported for module in modules for imported in imports_of(module)]
    names = {imported.name for imported in imports if not imported.member and imported.name}
    brought = provided(declared.packages if declared else (), names) if layer is None else Provided(layer, ())
    allowed = brought.names | (NETWORK if declared and declared.network else frozenset())
    rules = PluginImportRestriction(own)
    refused: set[str] = set()
    for imported in sorted(
        imports, key=lambda item: item.member
    ):  # members last: what they are of has its finding
        if not imported.name:
            found = _dynamic(imported)
        else:
            reason = rules.allows(imported.name, declared=allowed)
            if reason is None or (imported.member and refused.intersection(_starts(imported.name))):
                continue
            refused.add(imported.name)
            top = imported.name.partition(".")[0]
            if is_standard(top):
                found = _refused(imported, reason, shadowed=top in own)
            elif declared is not None:
                guessed = layer is None and bool(declared.packages)
                found = _undeclared(imported, brought, folder, guessed=guessed)
            else:
                continue
        yield waivers[found.file].applied(found, [found.line, imported.statement_line], _starts(imported.name))


def _starts(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)] if name else ["import_module"]


def _refused(imported: Imported, reason: str, *, shadowed: bool) -> Finding:
    why, _, instead = reason.partition(": ")
    text = f"{imported.name!r} {why}"
    fix = instead or "do without it"
    fix += f"; or tell admins why: # services-ai: allow {imported.name} - why"
    if shadowed:
        text += "; a module of the plugin's has the same name"
        fix = "rename the plugin's module: Python's own is the one that is imported"
    return imported.module.finding(imported.node, "import-refused", text, fix=fix)


def _undeclared(imported: Imported, brought: Provided, folder: Path, *, guessed: bool) -> Finding:
    top = imported.name.partition(".")[0]
    text = f"{top!r} is neither the plugin's own nor a declared dependency"
    severity, code = Severity.ERROR, "import-undeclared"
    if imported.name.endswith(".hookimpl") or (top == "pluggy" and uses_pluggys_marker(imported.module)):
        text = f"'hookimpl' comes from {imported.name.removesuffix('.hookimpl')!r}, which plugins do not have here"
        code, fix = "hookimpl-foreign", "from services_ai_sdk import hookimpl"
    elif (folder / top).is_dir() or (folder / f"{top}.py").is_file():
        text = f"{top!r} is in a folder that packages leave out"
        fix = "move it out of tests/, dist/ and build/, and out of what begins with a dot"
    else:
        fix = f'add "{package_of(imported.name)}": "*" to "dependencies": {{"packages": …}} in manifest.json'
        if brought.unmatched:
            severity = Severity.WARNING
            text += f"; {', '.join(brought.unmatched[:3])} may bring it under another name"
        elif imported.optional:
            severity = Severity.WARNING
            text += ", so it will never be there"
        elif guessed and not is_known(imported.name):
            severity = Severity.WARNING
            text += ", as far as their names tell; package will know what they bring"
    return imported.module.finding(imported.node, code, text, severity, fix=fix)


def _dynamic(imported: Imported) -> Finding:
    text = "which module is imported here is decided at run time"
    fix = "write the module's name, or say why: # services-ai: allow import_module - why"
    return imported.module.finding(imported.node, "import-dynamic", text, Severity.WARNING, fix=fix)
