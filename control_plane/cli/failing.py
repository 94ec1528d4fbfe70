"""How a command ends that could not do what it was asked."""

from __future__ import annotations

import json
import sys

from control_plane.rules.text import plain
from services_ai_sdk.wire.errors import ServicesAIError

INTERNAL = 4


def report(error: Exception, *, as_json: bool) -> int:
    """Prints the error, what and what to do, and returns the exit code.

    0 ok, 1 findings, 2 usage or invalid input, 3 environment or AWS, 4 internal.
    """
    if not isinstance(error, ServicesAIError):
        known = ServicesAIError(
            f"{type(error).__name__}: {error}",
            code="internal-error",
            hint="this is a fault of ours; SERVICES_AI_DEBUG=1 shows where",
        )
        return report(known, as_json=as_json)
    if as_json:
        sys.stdout.write(json.dumps({"error": error.to_dict()}) + "\n")
        return error.exit_code
    lines = [f"error: {error.message}", *_findings(error)]
    if error.hint:
        lines.append(f"  fix: {error.hint}")
    text = plain("\n".join(lines), 20_000)
    encoding = sys.stderr.encoding or "utf-8"
    sys.stderr.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    return error.exit_code


def _findings(error: ServicesAIError) -> list[str]:
    found = error.details.get("findings")
    rows = found if isinstance(found, list) else []
    lines = []
    for row in rows:
        if isinstance(row, dict):
            place = ":".join(str(row[name]) for name in ("file", "line", "column") if row.get(name))
            lines.append(f"  {place + ': ' if place else ''}{row.get('message', row)}")
            if row.get("fix"):
                lines.append(f"      fix: {row['fix']}")
    return lines
