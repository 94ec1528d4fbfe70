"""`services-ai-admin errors [PLUGIN]`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption


def errors(
    plugin: Annotated[str | None, typer.Argument(metavar="[PLUGIN]", help="Only this one's.")] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List errors, the latest first: failures that are the same news are one."""
    from control_plane.cli.plane import control_plane

    ours = control_plane()
    groups = list(ours.error_reader.groups(plugin))[:limit]
    if as_json:
        screen.print_json({"errors": [asdict(group) for group in groups]})
        return
    if not groups:
        typer.echo(f"No errors{f' of {plugin}' if plugin else ''} in the last 90 days.")
        return
    out = screen.console()
    now_s = ours.clock.now_s()
    for group in groups:
        out.print(
            f"{group.group_id}  {group.plugin_id} {group.last_version}  {group.hook}  {group.count} times,"
            f" last {screen.ago(group.last_at_ms / 1000, now_s)}"
        )
        out.print(f"  {group.type}: {screen.safe_line(group.message, 200)}")
        if group.where:
            out.print(f"  at {group.where}{f':  {group.source}' if group.source else ''}")
    out.print("\nTrace and arguments: services-ai-admin error ID")
