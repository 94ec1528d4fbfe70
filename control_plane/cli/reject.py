"""`services-ai-admin reject PLUGIN VERSION`."""

from __future__ import annotations

from typing import Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption, PluginArgument


def reject(
    plugin: PluginArgument,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="What was submitted of it last.")],
    *,
    reason: Annotated[str, typer.Option(help="For the author and the audit.")],
    as_json: JsonOption = False,
) -> None:
    """Reject a submission: approve no longer takes it, unless its version is named."""
    from control_plane.cli.plane import actor, control_plane

    done = control_plane().reject.reject(plugin, version, actor=actor(), reason=reason)
    if as_json:
        screen.print_json(
            {"plugin": plugin, "version": version, "package_sha256": done.sha256, "status": "rejected"}
        )
        return
    typer.echo(f"{plugin} {version} ({done.sha256[:12]}) is rejected.")
