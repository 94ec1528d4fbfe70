"""From what an author wrote to a manifest with every field filled in."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from services_ai_sdk.manifest.code_checks import code_findings
from services_ai_sdk.manifest.declared import declared_of
from services_ai_sdk.manifest.findings import Finding, Severity, errors, raise_on_errors
from services_ai_sdk.manifest.load import FILE_NAME, Loaded, finding_at
from services_ai_sdk.manifest.model import PRIORITY_DEFAULT, HookDeclaration, Manifest
from services_ai_sdk.manifest.modules import Modules
from services_ai_sdk.manifest.positions import Located
from services_ai_sdk.manifest.python import runtime_name
from services_ai_sdk.manifest.source import PluginSource, read_source
from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.limits import PLUGIN_ID_MAX_CHARS


@dataclass(frozen=True, slots=True)
class Completed:
    """A plugin folder after every static check.

    Attributes:
        manifest: With id, entry point, class and hooks; None when any finding is an error.
        hooks: Those of the catalogue that the class has, errors or not.
    """

    manifest: Manifest | None
    findings: tuple[Finding, ...]
    hooks: tuple[str, ...] = ()


def check_folder(loaded: Loaded, folder: Path, layer: frozenset[str] | None = None) -> Completed:
    """Everything that can be said about a plugin without running it: manifest and code together. Never raises.

    Args:
        loaded: Its manifest.
        folder: The plugin's.
        layer: Import names that its built layer has; guessed from the packages' names when left out.
    """
    findings = list(loaded.findings)
    manifest = loaded.manifest
    completed = None
    if manifest is not None:
        modules = Modules(folder, manifest.python)
        completed, source, more = _complete(manifest, folder, modules, loaded.located)
    else:
        # The code is read all the same, so that one run shows every problem.
        raw = loaded.located.value if loaded.located else None
        modules, source, more = Modules(folder, _python(raw)), None, []
        if isinstance(raw, dict):
            entry, name = raw.get("entry_point"), raw.get("plugin_class")
            source, more = read_source(
                modules, folder, entry if _is_text(entry) else None, name if _is_text(name) else None
            )
    findings += more
    declared = declared_of(loaded.located)
    unreadable = {found.file for found in more if found.code.startswith("source-")}
    of_code = code_findings(modules, folder, declared, source, layer)
    findings += [found for found in of_code if found.file not in unreadable]
    hooks = tuple(hook.name for hook in source.hooks if hook.in_catalogue) if source else ()
    return Completed(None if errors(findings) else completed, tuple(findings), hooks)


def complete(manifest: Manifest, folder: Path) -> Manifest:
    """Fills `id`, `entry_point`, `plugin_class` and `hooks` from the name and the code.

    The same manifest comes back for one that is complete and true. Hooks that are not in the catalogue are left
    out; a priority in the code wins over one in the manifest.

    Raises:
        FindingsError: The code contradicts the manifest, or has no plugin class.
    """
    completed, _, findings = _complete(manifest, folder, Modules(folder, manifest.python), None)
    raise_on_errors(findings, manifest.name)
    assert completed is not None
    return completed


def slug(name: str) -> str:
    """`Phone Normalizer (beta)` → `phone-normalizer-beta`; empty when no letter or digit is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:PLUGIN_ID_MAX_CHARS].strip("-")


def _python(raw: object) -> str | None:
    try:
        return runtime_name(str(raw["python"])) if isinstance(raw, dict) and "python" in raw else None
    except InvalidInputError:
        return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _complete(
    manifest: Manifest, folder: Path, modules: Modules, located: Located | None
) -> tuple[Manifest | None, PluginSource | None, list[Finding]]:
    explicit = manifest.entry_point if "entry_point" in manifest.model_fields_set else None
    source, findings = read_source(modules, folder, explicit, manifest.plugin_class)
    plugin_id = manifest.id or slug(manifest.name)
    if not plugin_id:
        text = f"no id can be made from the name {manifest.name!r}"
        findings.append(_at(located, ("name",), "id-missing", text, fix='add "id": "my-plugin"'))
    if source is None:
        return None, None, findings
    findings += _compare(manifest, source, located)
    if errors(findings):
        return None, source, findings
    declared = {hook.name: hook.priority for hook in manifest.hooks}
    hooks = tuple(
        HookDeclaration(
            name=hook.name,
            priority=hook.priority if hook.priority is not None else declared.get(hook.name, PRIORITY_DEFAULT),
        )
        for hook in source.hooks
        if hook.in_catalogue
    )
    update = {
        "id": plugin_id,
        "entry_point": source.entry_point,
        "plugin_class": source.class_name,
        "hooks": hooks,
    }
    return manifest.model_copy(update=update), source, findings


def _compare(manifest: Manifest, source: PluginSource, located: Located | None) -> list[Finding]:
    findings = []
    has = {hook.name for hook in source.hooks}
    for index, hook in enumerate(manifest.hooks):
        if hook.name not in has:
            text = f"the class {source.class_name} has no method for the hook {hook.name!r}"
            fix = f"add def {hook.name}(self, …) with @hookimpl, or delete the hook from the manifest"
            findings.append(_at(located, ("hooks", index), "hook-not-implemented", text, fix=fix))
    declared = {hook.name for hook in manifest.hooks}
    for found in source.hooks:
        if declared and found.in_catalogue and found.name not in declared:
            text = f"the class implements {found.name!r}, which the manifest does not list; it will be called"
            findings.append(
                Finding(
                    "hook-unlisted",
                    Severity.WARNING,
                    text,
                    found.file,
                    found.line,
                    found.column,
                    len(found.name),
                    fix="list it, or delete the method",
                )
            )
    return findings


def _at(located: Located | None, path: tuple[str | int, ...], code: str, message: str, *, fix: str) -> Finding:
    if located is None:
        return Finding(code, Severity.ERROR, message, FILE_NAME, fix=fix)
    return finding_at(located, path, code, message, fix=fix)
