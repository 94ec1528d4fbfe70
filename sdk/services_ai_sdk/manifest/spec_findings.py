"""Bad names and specs in `dependencies.packages`, each with its place in manifest.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.positions import Located
from services_ai_sdk.manifest.specs import translate
from services_ai_sdk.wire.errors import InvalidInputError

_FILE = "manifest.json"


def spec_findings(packages: Mapping[str, str], located: Located) -> Iterator[Finding]:
    """All of them; the column is that of the character that cannot be read."""
    seen: dict[str, str] = {}
    for name, spec in packages.items():
        try:
            package = canonicalize_name(translate(name, spec).name)
        except InvalidInputError as error:
            yield _finding(located, name, error)
            continue
        if package in seen:
            text = f"{seen[package]!r} and {name!r} are one package: PyPI reads both as {package!r}"
            twice = InvalidInputError(text, code="dependency-duplicate", hint="keep one of the two lines")
            yield _finding(located, name, twice)
        seen.setdefault(package, name)


def _finding(located: Located, name: str, error: InvalidInputError) -> Finding:
    in_spec = error.details.get("in") == "spec"
    path = ("dependencies", "packages", name)
    start, length = located.span(path, key=not in_spec)
    offset = start + int(error.details.get("column", 0))  # past the quote; column is 1-based
    line, column = located.line_column(offset if offset < start + length else start)
    return Finding(error.code, Severity.ERROR, error.message, _FILE, line, column, fix=error.hint)
