"""Bad names and specs in `dependencies.packages`, each with its place in manifest.json."""

from __future__ import annotations

import re
from collections.abc import Iterator

from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.package_spec import Packages
from services_ai_sdk.manifest.positions import Located
from services_ai_sdk.manifest.specs import package_name, translate
from services_ai_sdk.wire.errors import InvalidInputError

_FILE = "manifest.json"


def spec_findings(packages: Packages, located: Located) -> Iterator[Finding]:
    """All of them; the column is that of the character that cannot be read."""
    seen: dict[str, str] = {}
    for name, spec in packages.items():
        try:
            translate(name, spec)
        except InvalidInputError as error:
            yield _finding(located, name, error)
            if error.details.get("in") == "name":
                continue
        package = package_name(name)
        if package in seen:
            text = f"{seen[package]!r} and {name!r} are one package: PyPI reads both as {package!r}"
            twice = InvalidInputError(text, code="dependency-duplicate", hint="keep one of the two lines")
            yield _finding(located, name, twice)
        seen.setdefault(package, name)


_ESCAPED = re.compile(
    r"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\])", re.DOTALL
)
"""One character of a JSON string, as it may be written."""


def _finding(located: Located, name: str, error: InvalidInputError) -> Finding:
    where = str(error.details.get("in", "name"))
    field = (where,) if where in ("version", "markers") else ()
    start, length = located.span(("dependencies", "packages", name, *field), key=where == "name")
    offset = _offset(located.text, start, int(error.details.get("column", 0)))
    line, column = located.line_column(offset if offset < start + length else start)
    return Finding(error.code, Severity.ERROR, error.message, _FILE, line, column, fix=error.hint)


def _offset(text: str, start: int, column: int) -> int:
    """Where in the file the 1-based `column` of a string is, whose opening quote is at `start`; 0 is the quote."""
    at = start + 1 if column else start
    for _ in range(column - 1):
        found = _ESCAPED.match(text, at)
        if not found:
            break
        at = found.end()
    return at
