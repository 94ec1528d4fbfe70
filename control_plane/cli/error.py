"""`services-ai-admin error ID`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption
from control_plane.cli.triage import standing
from control_plane.rules.wording import headline

ARGS_MAX_LINES = 40


def error(
    error_id: Annotated[str, typer.Argument(metavar="ID", help="Of an error, or of one invocation.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many of its failures.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Show one error: trace with code, the arguments it happened with, and when it happened last."""
    from control_plane.cli.plane import control_plane
    from control_plane.cli.trace import trace_lines

    ours = control_plane()
    found = ours.error_reader.detail(error_id, limit=limit)
    if as_json:
        screen.print_json(found.to_dict())
        return
    out, group = screen.console(), found.group
    out.print(screen.safe_line(headline(group.type, group.message), 600))
    out.print(f"in {group.plugin_id} on {group.hook}; {group.count} times ({group.category})")
    out.print(standing(group.decision, ours.clock.now_ms()))
    if group.decision.reason:
        out.print(f"  {screen.safe_line(group.decision.reason, 500)} ({screen.at(group.decision.at_ms)})")
    out.print(f"first {screen.at(group.first_at_ms)} in {group.first_version}")
    out.print(f"last  {screen.at(group.last_at_ms)} in {group.last_version}")
    for failure in found.failures[:1]:
        out.print()
        for line in trace_lines(failure.failure):
            out.print(line)
        if failure.args is not None:
            out.print("\nwith the arguments (secrets removed, personal data not):")
            lines = json.dumps(failure.args, indent=2, ensure_ascii=False).splitlines()
            for line in lines[:ARGS_MAX_LINES]:
                out.print(f"  {screen.safe(line, 400)}")
            if len(lines) > ARGS_MAX_LINES:
                out.print(f"  … {len(lines) - ARGS_MAX_LINES} more lines; --json has all")
        elif failure.args_ref:
            out.print(f"\nits arguments: {failure.args_ref}")
    out.print()
    for failure in found.failures:
        out.print(f"{screen.at(failure.occurred_at_ms)}  {failure.invocation_id}  {failure.duration_ms:.0f} ms")
