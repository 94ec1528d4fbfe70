"""`services-ai-plugin doctor`."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Look at what this machine has of what the other commands need, and name the fix. Exit code 3: it stops them.

    Example: services-ai-plugin doctor
    """
    from services_ai_sdk.cli.diagnosis import State, diagnose
    from services_ai_sdk.cli.errors import printable

    checks = []
    for check in diagnose():
        checks.append(check)
        if not as_json:
            mark = {State.OK: "✓", State.MISSING: "·", State.FAILED: "✗"}[check.state]
            typer.echo(printable(f"{mark} {check.name:<12} {check.text}"))
            for line in check.more:
                typer.echo(printable(f"  {'':<12} - {line}"))
            if check.fix:
                typer.echo(printable(f"  {'':<12} fix: {check.fix}"))
    failed = any(check.state is State.FAILED for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": not failed, "checks": [check.to_dict() for check in checks]}))
    if failed:
        raise typer.Exit(3)
