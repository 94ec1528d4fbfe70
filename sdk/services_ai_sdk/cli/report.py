"""What `validate` found, in each of its formats."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from services_ai_sdk.manifest.findings import Finding, errors
from services_ai_sdk.manifest.model import Manifest


class Format(StrEnum):
    """How to print."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@dataclass(frozen=True, slots=True)
class Report:
    """All of it.

    Attributes:
        source: The folder or zip that was named.
        root: The folder that has manifest.json; a temporary one of a zip.
        size: In words; empty when there is nothing to say.
        sizes: For JSON.
        fixed: What `--fix` did, one a line.
        fixing: Whether `--fix` was given.
    """

    source: Path
    root: Path
    manifest: Manifest | None
    findings: Sequence[Finding]
    size: str = ""
    sizes: Mapping[str, Any] | None = None
    fixed: Sequence[str] = ()
    fixing: bool = False

    @property
    def ok(self) -> bool:
        """No error among the findings."""
        return not errors(self.findings)

    def printed(self, form: Format, environ: Mapping[str, str]) -> str:
        """In this format.

        Args:
            form: Which.
            environ: `NO_COLOR` and `GITHUB_WORKSPACE` are looked at.
        """
        if form is Format.JSON:
            return self._json()
        if form is Format.GITHUB:
            return self._github(environ)
        return self._text(colour=sys.stdout.isatty() and not environ.get("NO_COLOR"))

    def _json(self) -> str:
        answer = {
            "ok": self.ok,
            "findings": [finding.to_dict() for finding in self.findings],
            "manifest": self.manifest.to_dict() if self.manifest else None,
            "size": self.sizes,
            "fixed": list(self.fixed),
        }
        return json.dumps(answer)

    def _text(self, *, colour: bool) -> str:
        from services_ai_sdk.cli.errors import printable
        from services_ai_sdk.cli.framed import framed, lines_in

        line_of = lines_in(self.root, self.findings)
        parts = [printable(f"fixed: {done}") for done in self.fixed]
        if any(finding.code == "permission-undeclared" for finding in self.findings) and self.fixing:
            parts.append("not fixed: permissions, because what the plugin may do is not for a tool to widen")
        parts += [framed(finding, line_of, colour=colour) + "\n" for finding in self.findings]
        parts.append(self._last_line())
        if self.size:
            parts.append(f"size: {self.size}")
        return "\n".join(parts)

    def _github(self, environ: Mapping[str, str]) -> str:
        from services_ai_sdk.cli.github import annotation

        base = environ.get("GITHUB_WORKSPACE") or str(Path.cwd())
        lines = []
        for finding in self.findings:
            # A zip's own files are not in the repository: the zip is what can be pointed at.
            place = self.root / finding.file if self.source.is_dir() else self.source
            lines.append(annotation(finding, Path(os.path.relpath(place, base)).as_posix()))
        return "\n".join([*lines, self._last_line()])

    def _last_line(self) -> str:
        from services_ai_sdk.cli.framed import summary

        if self.manifest is None:
            return summary(self.findings)
        hooks = ", ".join(hook.name for hook in self.manifest.hooks) or "no hook of the catalogue"
        return f"{self.manifest.id} {self.manifest.version}: {summary(self.findings) or 'ok'} ({hooks})"
