"""All of a plugin's own Python code, each file parsed once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.modules import FILE_MAX_BYTES, Module, Modules, UnreadableModule
from services_ai_sdk.manifest.plugin_files import PluginFile

CODE_MAX_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Code:
    """What could be read of it.

    Attributes:
        modules: In the order of their files' names.
        findings: What could not, and why.
    """

    modules: tuple[Module, ...]
    findings: tuple[Finding, ...]


def read_code(modules: Modules, files: Iterable[PluginFile]) -> Code:
    """Parses every file that ends with `.py`, up to 8 MB in all: reading hostile input ends too. Never raises."""
    read: list[Module] = []
    findings: list[Finding] = []
    unread: list[str] = []
    total_bytes = 0
    for file in files:
        if not file.name.endswith(".py"):
            continue
        total_bytes += min(file.size_bytes, FILE_MAX_BYTES)
        if file.size_bytes > FILE_MAX_BYTES or total_bytes > CODE_MAX_BYTES:
            unread.append(file.name)
            continue
        try:
            read.append(modules.read(file.name))
        except UnreadableModule as error:
            findings.append(error.finding())
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        text = f"{unread[0]}{more}: too large to be checked, beyond 1 MB a file or 8 MB in all"
        fix = "keep data in files that are not Python, and libraries in dependencies"
        findings.append(Finding("code-unchecked", Severity.WARNING, text, unread[0], fix=fix))
    return Code(tuple(read), tuple(findings))
