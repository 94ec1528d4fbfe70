"""Everything that is held against a plugin's own code besides its class and its hooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from services_ai_sdk.manifest.code import read_code
from services_ai_sdk.manifest.dangerous_calls import dangerous_calls
from services_ai_sdk.manifest.declared import Declared
from services_ai_sdk.manifest.embedded_secrets import embedded_secrets
from services_ai_sdk.manifest.findings import Finding
from services_ai_sdk.manifest.hiding import hiding_findings
from services_ai_sdk.manifest.import_findings import import_findings
from services_ai_sdk.manifest.modules import Modules
from services_ai_sdk.manifest.permission_use import permission_findings
from services_ai_sdk.manifest.plugin_files import own_modules, plugin_files
from services_ai_sdk.manifest.source import PluginSource
from services_ai_sdk.manifest.waivers import waivers_of

FINDINGS_MAX = 100
"""Of each check: whoever has more mends these first."""


def code_findings(
    modules: Modules,
    folder: Path,
    declared: Declared | None,
    source: PluginSource | None,
    layer: frozenset[str] | None = None,
) -> list[Finding]:
    """By file and line. Never raises.

    Args:
        modules: Of the folder; what was parsed already is not parsed again.
        folder: The plugin's.
        declared: None where the manifest cannot be read: then nothing is compared with it.
        source: The plugin's class; None when there is none.
        layer: Import names that the built layer has, where one was built.
    """
    files = plugin_files(folder)
    code = read_code(modules, files)
    waivers = {module.file: waivers_of(module) for module in code.modules}
    found = list(_first(code.findings))
    if declared is not None:
        hooks = [hook.name for hook in source.hooks] if source else None
        found += _first(permission_findings(code.modules, declared, hooks))
    found += _first(
        import_findings(code.modules, waivers, declared, folder=folder, own=own_modules(files), layer=layer)
    )
    found += _first(hiding_findings(files, source.entry_point if source else ""))
    found += _first(dangerous_calls(code.modules, waivers))
    found += _first(embedded_secrets(files))
    found += _first(finding for of_module in waivers.values() for finding in of_module.leftovers())
    return sorted(found, key=lambda finding: (finding.file, finding.line, finding.column))


def _first(findings: Iterable[Finding]) -> Iterator[Finding]:
    return islice(findings, FINDINGS_MAX)
