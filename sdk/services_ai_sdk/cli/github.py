"""Findings as GitHub Actions' workflow commands, which show them at their lines in a pull request."""

from __future__ import annotations

from services_ai_sdk.manifest.findings import Finding

_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_MESSAGE, ":": "%3A", ",": "%2C"}


def annotation(finding: Finding, file: str) -> str:
    """`::error file=plugins/main.py,line=3,col=5,endColumn=9,title=hook-misspelt::…`.

    Args:
        finding: What is wrong.
        file: Its file as seen from the repository's folder.
    """
    properties: dict[str, str | int] = {"file": file}
    if finding.line:
        properties["line"] = finding.line
    if finding.column:
        properties |= {"col": finding.column, "endColumn": finding.column + finding.length}
    properties["title"] = finding.code
    listed = ",".join(f"{name}={_escaped(str(value), _PROPERTY)}" for name, value in properties.items())
    text = f"{finding.message}\nfix: {finding.fix}" if finding.fix else finding.message
    return f"::{finding.severity} {listed}::{_escaped(text, _MESSAGE)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    """Every line break, too: a finding's text comes from files that anybody may have written."""
    return "".join(escapes.get(char, char if char.isprintable() else "\N{REPLACEMENT CHARACTER}") for char in text)
