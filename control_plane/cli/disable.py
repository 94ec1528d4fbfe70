"""`services-ai-admin disable PLUGIN --reason TEXT`."""

from __future__ import annotations

from typing import Annotated

import typer

from control_plane.cli.screen import JsonOption, PluginArgument
from control_plane.cli.switched import show


def disable(
    plugin: PluginArgument,
    *,
    reason: Annotated[str, typer.Option(help="For the audit, and for whoever asks why.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Switch a plugin off. It never comes back by itself."""
    from control_plane.cli.plane import actor, control_plane

    show(control_plane().switch.disable(plugin, actor=actor(), reason=reason), as_json=as_json)
