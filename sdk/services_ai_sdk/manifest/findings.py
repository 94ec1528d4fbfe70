"""One problem that a check found, and how it reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from services_ai_sdk.wire.errors import FindingsError


class Severity(StrEnum):
    """Whether a finding stops the plugin."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem.

    Attributes:
        code: Stable, kebab-case.
        file: Relative to the plugin's folder, POSIX style.
        line: 1-based; 0 when the problem is about the whole file.
        column: 1-based, in characters; 0 when unknown.
        length: How many characters of the line to underline.
        fix: The edit that mends it; empty when there is no single one.
    """

    code: str
    severity: Severity
    message: str
    file: str
    line: int = 0
    column: int = 0
    length: int = 1
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {**asdict(self), "severity": str(self.severity)}

    def where(self) -> str:
        """`file:line:column`, as far as known."""
        return ":".join([self.file, *(str(part) for part in (self.line, self.column) if part)])


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that stop the plugin."""
    return [finding for finding in findings if finding.severity == Severity.ERROR]


def raise_on_errors(findings: Iterable[Finding], what: str) -> None:
    """Does nothing when no finding is an error.

    Raises:
        FindingsError: Some are; `details["findings"]` has all of them, and the message the first.
    """
    found = list(findings)
    stopping = errors(found)
    if not stopping:
        return
    first, more = stopping[0], len(stopping) - 1
    rest = f" (and {more} more)" if more else ""
    raise FindingsError(
        f"{what}: {first.where()}: {first.message}{rest}",
        hint=first.fix or "services-ai-plugin validate shows every problem with its line",
        details={"findings": [finding.to_dict() for finding in found]},
    )
