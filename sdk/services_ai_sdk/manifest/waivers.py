"""`# services-ai: allow socket - why`: a rule that a line may break, for an admin to judge."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.modules import Module

FORM = "# services-ai: allow NAME - why"

_BEGIN = re.compile(r"#\s*services-ai\s*:", re.IGNORECASE)
_WAIVER = re.compile(
    r"#\s*services-ai\s*:\s*allow\s+(?P<names>[\w.]+(?:\s*,\s*[\w.]+)*)(?:\s*[-\u2013\u2014:]+\s*(?P<reason>.*))?$"
)
_REASON_MAX_CHARS = 200


@dataclass(slots=True)
class Waiver:
    """One comment.

    Attributes:
        name: What is allowed: a module, or what a finding says.
        reason: Empty when there is none.
        used: Whether a finding needed it.
    """

    name: str
    reason: str
    line: int
    column: int
    length: int
    used: bool = False


@dataclass(frozen=True, slots=True)
class Waivers:
    """Those of one module.

    Attributes:
        malformed: Line, column and length of comments that were meant as one.
    """

    module: Module
    by_line: dict[int, list[Waiver]] = field(default_factory=dict)
    malformed: list[tuple[int, int, int]] = field(default_factory=list)

    def applied(self, finding: Finding, lines: Iterable[int], names: Iterable[str]) -> Finding:
        """The finding, or what is left of it where one of these lines allows one of these names."""
        wanted = set(names)
        for line in lines:
            for waiver in self.by_line.get(line, ()):
                if waiver.name not in wanted:
                    continue
                waiver.used = True
                if not waiver.reason:
                    return _without_reason(self.module, waiver)
                text = f"allowed by the author ({waiver.reason}): {finding.message}"
                fix = (
                    ""
                    if finding.severity == Severity.WARNING
                    else "an admin decides whether that is reason enough"
                )
                return replace(finding, severity=Severity.WARNING, message=text, fix=fix)
        return finding

    def leftovers(self) -> Iterator[Finding]:
        """What is wrong with the waivers themselves, once every finding was asked about."""
        for line, column, length in self.malformed:
            text = "this is no waiver that can be read"
            yield Finding(
                "waiver-malformed", Severity.ERROR, text, self.module.file, line, column, length, f"write {FORM}"
            )
        for waiver in (waiver for waivers in self.by_line.values() for waiver in waivers if not waiver.used):
            if not waiver.reason:
                yield _without_reason(self.module, waiver)
                continue
            text = f"nothing in this line needs to be allowed as {waiver.name!r}"
            yield _about(self.module, waiver, "waiver-unused", text, Severity.WARNING, "delete the comment")


def waivers_of(module: Module) -> Waivers:
    """All comments of a module that begin with `services-ai:`."""
    found = Waivers(module)
    if not _BEGIN.search(module.text):
        return found
    for line, comment_column, comment in _comments(module.text):
        begin = _BEGIN.search(comment)
        if not begin:
            continue
        text, column = comment[begin.start() :].rstrip(), comment_column + begin.start()
        match = _WAIVER.match(text)
        if match:
            reason = (match["reason"] or "").strip()
            reason = reason[:_REASON_MAX_CHARS] if re.search(r"\w", reason) else ""
            found.by_line.setdefault(line, []).extend(
                Waiver(name.strip(), reason, line, column + 1, len(text)) for name in match["names"].split(",")
            )
        else:
            found.malformed.append((line, column + 1, len(text)))
    return found


def _comments(text: str) -> Iterator[tuple[int, int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield *token.start, token.string
    except (tokenize.TokenError, SyntaxError):
        return  # a newer Python's syntax: what comes after it has no waivers


def _without_reason(module: Module, waiver: Waiver) -> Finding:
    text = f"{waiver.name!r} is allowed here without a reason"
    fix = f"# services-ai: allow {waiver.name} - why, for the admin who reads it"
    return _about(module, waiver, "waiver-without-reason", text, Severity.ERROR, fix)


def _about(module: Module, waiver: Waiver, code: str, text: str, severity: Severity, fix: str) -> Finding:
    return Finding(code, severity, text, module.file, waiver.line, waiver.column, waiver.length, fix)
