"""A finding with the line it is about, as rustc shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from services_ai_sdk.cli.errors import printable
from services_ai_sdk.manifest.findings import Finding, Severity

COVERED = "secret-"
"""How the codes of findings begin whose place is not to be shown."""

WIDTH_MAX = 100

_COLOURS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}
_PLAIN = "\x1b[0m"


def framed(finding: Finding, line_of: Callable[[str, int], str | None], *, colour: bool = False) -> str:
    """Several lines of text.

    Args:
        finding: What is wrong.
        line_of: The text of a line of a file, or None when it cannot be shown.
        colour: Whether to colour the first word.
    """
    severity = str(finding.severity)
    head = f"{_COLOURS[finding.severity]}{severity}{_PLAIN}" if colour else severity
    gutter = " " * len(str(finding.line or 1))
    lines = [f"{head}[{finding.code}]: {printable(finding.message)}", f"{gutter}--> {printable(finding.where())}"]
    text = line_of(finding.file, finding.line) if finding.line else None
    if text is not None:
        shown, column = _window(text, finding.column)
        lines += [f"{gutter} |", f"{finding.line} | {printable(shown)}"]
        if column:
            length = max(1, min(finding.length, len(shown) - column + 1))
            lines.append(f"{gutter} | {' ' * (column - 1)}{'^' * length}")
    if finding.fix:
        lines.append(f"{gutter} = fix: {printable(finding.fix)}")
    return "\n".join(lines)


def lines_in(folder: Path, findings: Iterable[Finding] = ()) -> Callable[[str, int], str | None]:
    """Reads lines of the files below `folder`; nothing outside it, nothing large, and no secret.

    Args:
        folder: The plugin's.
        findings: All of them: what those about secrets point at is covered, in whichever finding's frame.
    """
    texts: dict[str, list[str]] = {}
    covered: dict[tuple[str, int], list[Finding]] = {}
    for finding in findings:
        if finding.code.startswith(COVERED):
            covered.setdefault((finding.file, finding.line), []).append(finding)

    def line_of(file: str, line: int) -> str | None:
        if file not in texts:
            path = (folder / file).resolve()
            inside = (
                path.is_relative_to(folder.resolve()) and path.is_file() and path.stat().st_size <= 1024 * 1024
            )
            texts[file] = path.read_text("utf-8-sig", errors="replace").split("\n") if inside else []
        if not 0 < line <= len(texts[file]):
            return None
        text = texts[file][line - 1].rstrip("\r")
        for secret in covered.get((file, line), ()):
            start, end = secret.column - 1, secret.column - 1 + secret.length
            text = f"{text[:start]}{'•' * len(text[start:end])}{text[end:]}"
        return text

    return line_of


def summary(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 warning`."""
    severities = [finding.severity for finding in findings]
    counts = ((severities.count(severity), str(severity)) for severity in Severity)
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)


def _window(text: str, column: int) -> tuple[str, int]:
    """The part of a long line around the column, and the column in it. A tab counts as one space."""
    text = text.replace("\t", " ")
    if len(text) <= WIDTH_MAX:
        return text, column
    start = max(0, min(column - WIDTH_MAX // 2, len(text) - WIDTH_MAX))
    return text[start : start + WIDTH_MAX], max(0, column - start)
