"""`services-ai-admin rollback PLUGIN [VERSION]`."""

from __future__ import annotations

from typing import Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption, PluginArgument


def rollback(
    plugin: PluginArgument,
    version: Annotated[str, typer.Argument(metavar="[VERSION]", help="Default: what was live before.")] = "",
    *,
    reason: Annotated[str, typer.Option(help="For the audit.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make an earlier version live again, with the role, sandbox, layers and permissions that it had.

    Its record is clean: failures of the later version count no longer. What a person disabled stays off.
    """
    from control_plane.cli.plane import actor, control_plane

    done = control_plane().rollback.roll_back(
        plugin, version=version, actor=actor(), reason=reason, progress=screen.progress, dry_run=dry_run
    )
    if as_json:
        screen.print_json(done.to_dict())
        return
    out, after = screen.console(), done.after
    out.print(f"{plugin}: from {done.before.version} back to {after.version}")
    out.print(f"  grants       {', '.join(after.grants.names) or 'none'}")
    out.print(f"  runs as      {after.python}, {after.memory_mb} MB, {after.timeout_s} s")
    out.print(f"  role         {after.role_arn}", soft_wrap=True)
    out.print("\nplan:" if dry_run else "\ndone:")
    for step in done.plan.to_dict()["steps"]:
        out.print(f"  {step['action']:<17} {step['target']}", soft_wrap=True)
        out.print(f"  {'':<17} {step['why']}")
    out.print("  record            what is live, its routes, and the audit")
    if done.breaker is None:
        out.print("\nNothing was changed (--dry-run).")
        return
    out.print(f"\n{plugin} {after.version} is {done.breaker.state}; smoke call {after.smoke}.")
    if str(done.breaker.state) != "enabled":
        out.print(f"To switch it on: services-ai-admin enable {plugin}")
