"""`services-ai-admin enable PLUGIN`."""

from __future__ import annotations

from typing import Annotated

import typer

from control_plane.cli.screen import JsonOption, PluginArgument
from control_plane.cli.switched import show


def enable(
    plugin: PluginArgument,
    *,
    reason: Annotated[str, typer.Option(help="For the audit.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Switch a plugin on, with a clean record."""
    from control_plane.cli.plane import actor, control_plane

    show(control_plane().switch.enable(plugin, actor=actor(), reason=reason), as_json=as_json)
