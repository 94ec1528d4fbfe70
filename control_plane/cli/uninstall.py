"""`services-ai-admin uninstall PLUGIN`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption, PluginArgument
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from control_plane.operations.uninstall import Uninstalled


def uninstall(
    plugin: PluginArgument,
    *,
    reason: Annotated[str, typer.Option(help="For the audit.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a plugin away: function, versions, roles, log group, and the layers that nothing else uses.

    AWS is listed afterwards, to prove that nothing is left. Errors, calls and audit stay in the table for their
    time, what was submitted stays in the bucket: services-ai-admin approve PLUGIN installs it again.
    """
    from control_plane.cli.plane import actor, control_plane

    operation = control_plane().uninstall
    if not dry_run and not yes:
        _ask(
            plugin,
            operation.uninstall(plugin, actor=actor(), progress=screen.progress, dry_run=True),
            as_json=as_json,
        )
    done = operation.uninstall(plugin, actor=actor(), reason=reason, progress=screen.progress, dry_run=dry_run)
    if as_json:
        screen.print_json(done.to_dict())
        return
    if dry_run:
        _list(done, "would go")
        screen.console().print("\nNothing was changed (--dry-run).")
        return
    _list(done, "gone")
    screen.console().print(f"\n{plugin} is uninstalled. AWS was listed again: nothing of it is left.")


def _ask(plugin: str, planned: Uninstalled, *, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        raise InvalidInputError(
            f"uninstalling {plugin} takes it away for good, and nobody can be asked",
            code="not-confirmed",
            hint=f"services-ai-admin uninstall {plugin} --yes; --dry-run says what would go",
        )
    _list(planned, "would go")
    typer.confirm(f"\nTake {plugin} away?", abort=True)


def _list(found: Uninstalled, what: str) -> None:
    out, plan = screen.console(), found.plan.to_dict()
    out.print(f"{what}:")
    for step in plan["steps"]:
        out.print(f"  {step['action']:<17} {step['target']}", soft_wrap=True)
    if not plan["steps"]:
        out.print("  nothing: AWS has nothing of it")
    for one in plan["kept"]:
        out.print(f"kept:\n  {one['target']}: {one['why']}", soft_wrap=True)
