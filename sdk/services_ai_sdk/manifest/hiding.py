"""Files of a plugin that would take the place of Python's modules or the platform's, or want to run before it."""

from __future__ import annotations

from collections.abc import Iterator

from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.plugin_files import PluginFile
from services_ai_sdk.plugin.import_rules import hides_python

PLATFORM = frozenset({"awslambdaric", "services_ai_sdk"})
AT_START = frozenset({"sitecustomize", "usercustomize"})
"""What Python imports by itself where it starts with `site`."""
_CODE = (".py", ".pyc", ".so", ".pyd")


def module_at_top(name: str) -> str:
    """The module that a file beside manifest.json is, or the package whose `__init__` it is; else nothing."""
    folder, _, rest = name.partition("/")
    if not rest:
        return folder.partition(".")[0] if folder.endswith(_CODE) else ""
    return folder if rest.partition(".")[0] == "__init__" and rest.endswith(_CODE) else ""


def hiding_findings(files: tuple[PluginFile, ...], entry_point: str) -> Iterator[Finding]:
    """By file.

    Args:
        files: The plugin's.
        entry_point: Is loaded by its path, so that it may be called as it likes.
    """
    for file in files:
        module = module_at_top(file.name)
        if module in PLATFORM or file.name.partition("/")[0] in PLATFORM:
            text, fix = f"{file.name} would hide the platform's own module", "rename it"
        elif module in AT_START or file.name.endswith(".pth"):
            text, fix = f"{file.name} is what Python runs when it starts, and is not run here", "delete it"
        elif module and hides_python(module) and file.name != entry_point:
            text = f"{file.name} would hide Python's own {module!r} from everything that the plugin imports"
            fix = f"rename it: {module}_of_mine, for one"
        else:
            continue
        yield Finding("module-hides", Severity.ERROR, text, file.name, fix=fix)
