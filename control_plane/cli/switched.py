"""What `enable` and `disable` say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from control_plane.cli import screen
from control_plane.rules.moments import moment

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
        state = done.after
        typer.echo(f"{done.plugin_id} is {state.state} already; nothing was changed, and no reason was recorded.")
        if state.reason:
            typer.echo(screen.safe_line(f"Since {moment(state.since_s)}, by {state.actor}: {state.reason}", 800))
