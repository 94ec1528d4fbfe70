"""What `enable` and `disable` say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from control_plane.cli import screen

if TYPE_CHECKING:
    from control_plane.operations.switch import Switched


def show(done: Switched, *, as_json: bool) -> None:
    """Before and after."""
    if as_json:
        screen.print_json(
            {
                "plugin": done.plugin_id,
                "before": str(done.before.state),
                "state": str(done.after.state),
                "changed": done.changed,
                "reason": done.after.reason,
                "actor": done.after.actor,
            }
        )
    elif done.changed:
        typer.echo(f"{done.plugin_id} is {done.after.state} (was {done.before.state})")
    else:
        typer.echo(f"{done.plugin_id} is {done.after.state} already; nothing was changed")
