"""Edits of a plugin's code that make it what the runtime takes it for anyway."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from services_ai_sdk.manifest.base_class import BASE_CLASS, conflicts
from services_ai_sdk.manifest.edits import Edit
from services_ai_sdk.manifest.findings import Finding
from services_ai_sdk.manifest.foreign_hookimpl import foreign_edits
from services_ai_sdk.manifest.modules import Module, Modules

_OURS = "services_ai_sdk"


def code_edits(modules: Modules, findings: Iterable[Finding]) -> Iterator[Edit]:
    """For findings about hooks without @hookimpl, a class without a base, and the marker of another host.

    Args:
        modules: Those that were checked; nothing is read again.
        findings: All of them.
    """
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.code in ("hook-undecorated", "plugin-base-missing", "hookimpl-foreign"):
            by_file.setdefault(finding.file, []).append(finding)
    for file, of_file in by_file.items():
        yield from _of_module(modules.read(file), of_file)


def _of_module(module: Module, findings: list[Finding]) -> Iterator[Edit]:
    if any(finding.code == "hookimpl-foreign" for finding in findings) and (
        foreign := list(foreign_edits(module))
    ):
        yield from foreign  # alone: what is imported from us is another thing afterwards
        return
    needed: set[str] = set()
    edits: list[Edit] = []
    for finding in findings:
        match finding.code:
            case "hook-undecorated":
                edits += _decorated(module, finding, needed)
            case "plugin-base-missing":
                edits += _extended(module, finding, needed)
    if needed:
        imported = _imported(module, sorted(needed))
        if imported is None:
            return  # no place for the import that is surely right: then nothing that needs it either
        edits.append(imported)
    yield from edits


def _decorated(module: Module, finding: Finding, needed: set[str]) -> list[Edit]:
    line = module.line(finding.line)
    indent = line[: len(line) - len(line.lstrip())]
    if not re.match(r"(?:async\s+)?def\b", line[len(indent) :]):
        return []
    if _is_bound(module, "hookimpl") is None:
        needed.add("hookimpl")
    at = module.offset(finding.line)
    name = line[finding.column - 1 : finding.column - 1 + finding.length]
    return [Edit(module.file, at, at, f"{indent}@hookimpl{module.newline()}", f"@hookimpl above {name}")]


def _extended(module: Module, finding: Finding, needed: set[str]) -> list[Edit]:
    bound = _is_bound(module, BASE_CLASS)
    node = next((node for node in module.classes.values() if node.lineno == finding.line), None)
    if bound is False or node is None or conflicts(node):
        return []
    text, start = module.text, module.offset(finding.line) + finding.column - 1
    found = re.compile(r"[^\W\d]\w*(?P<empty>\s*\(\s*\))?(?=\s*:)").match(text, start)
    if not found:
        return []  # type parameters, or a header that is more than a name
    if bound is None:
        needed.add(BASE_CLASS)
    name = text[start : start + finding.length]
    end = found.end()
    return [Edit(module.file, start + len(name), end, f"({BASE_CLASS})", f"the class {name} extends {BASE_CLASS}")]


def _is_bound(module: Module, name: str) -> bool | None:
    """Whether a name at the top is ours; None when there is none of this name."""
    if name in module.imports:
        # Another host's hookimpl is a finding of its own, and becomes ours where that can be done.
        return name == "hookimpl" or module.imports[name][0].partition(".")[0] == _OURS
    if name in module.classes or name in module.assigned():
        return name == "hookimpl"
    return None


def _imported(module: Module, names: list[str]) -> Edit | None:
    words = f"imports {' and '.join(names)}"
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == _OURS and not node.level:
            last = node.names[-1]
            if last.name == "*" or last.end_lineno is None or last.end_col_offset is None:
                return None
            at = module.offset(last.end_lineno, last.end_col_offset)
            return Edit(module.file, at, at, f", {', '.join(names)}", words)
    statement = f"from {_OURS} import {', '.join(names)}"
    body = module.tree.body
    leading = 0
    while leading < len(body) and _may_come_before(body[leading], first=leading == 0):
        leading += 1
    following = body[leading] if leading < len(body) else None
    if leading == 0:
        if following is None or following.col_offset:
            return None
        decorators = getattr(following, "decorator_list", ())
        at = module.offset(min([following.lineno, *(item.lineno for item in decorators)]))
        return Edit(module.file, at, at, statement + module.newline() * 2, words)
    line = body[leading - 1].end_lineno or 0
    if following is not None and following.lineno <= line:
        return None
    at = module.offset(line) + len(module.line(line))
    return Edit(module.file, at, at, module.newline() + statement, words)


def _may_come_before(node: ast.stmt, *, first: bool) -> bool:
    """What an import is written below: the docstring, and other imports."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return first and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
