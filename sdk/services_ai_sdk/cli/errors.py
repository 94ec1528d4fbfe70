"""How every command prints an error: what, where, what to do; as JSON when the command was asked for JSON."""

from __future__ import annotations

import json
import sys
from typing import TextIO

from services_ai_sdk.wire.errors import ServicesAIError


def print_error(
    error: ServicesAIError, *, as_json: bool, out: TextIO | None = None, err: TextIO | None = None
) -> None:
    """Prints `{"error": …}` to standard output, or words to standard error.

    Args:
        error: What ended the command.
        as_json: Whether `--json` was given.
        out: Standard output when left out.
        err: Standard error when left out.
    """
    if as_json:
        print(json.dumps({"error": error.to_dict()}), file=out or sys.stdout)
        return
    stream = err or sys.stderr
    print(f"error: {printable(error.message)}", file=stream)
    findings = error.details.get("findings")
    if isinstance(findings, list) and len(findings) > 1:
        for finding in findings:
            place = ":".join(str(finding[key]) for key in ("file", "line", "column") if finding.get(key))
            fix = f" ({finding['fix']})" if finding.get("fix") else ""
            print(printable(f"  {finding['severity']}: {place}: {finding['message']}{fix}"), file=stream)
    if error.hint:
        print(f"  fix: {printable(error.hint)}", file=stream)


def printable(text: str) -> str:
    """`text` without what a terminal would obey: it comes from files that anybody may have written."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)
