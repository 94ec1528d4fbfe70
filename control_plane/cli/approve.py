"""`services-ai-admin approve PLUGIN`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption, PluginArgument

if TYPE_CHECKING:
    from control_plane.operations.approve import Approval
    from services_ai_sdk.access.grants import Grants


def approve(
    plugin: PluginArgument,
    *,
    version: Annotated[str | None, typer.Option(help="Default: what was submitted last.")] = None,
    reason: Annotated[str, typer.Option(help="For the audit.")] = "",
    grant: Annotated[
        list[str] | None,
        typer.Option("--grant", metavar="NAME", help="Grant this, beside what was granted before. Repeatable."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="NAME", help="Withhold this, grant the rest. Repeatable."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Grant all that is new, without a question.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and plan; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a submitted package in: check it again, record it, deploy it, and let its hooks reach it.

    It gets what its manifest asks for, or less: permissions, capabilities, `network` or single hosts, by NAME.
    What was granted to the version before stays; what is new is asked for in a terminal. --dry-run shows it.
    """
    from control_plane.cli.grant_options import GrantOptions, is_terminal
    from control_plane.cli.plane import actor, control_plane

    decide = GrantOptions(
        grant or (), without or (), yes=yes, interactive=is_terminal() and not as_json, dry_run=dry_run
    )
    done = control_plane().approver.approve(
        plugin,
        version=version,
        actor=actor(),
        progress=screen.progress,
        decide=decide,
        dry_run=dry_run,
        reason=reason,
    )
    if as_json:
        screen.print_json(done.to_dict())
        return
    _describe(done)


def granted_lines(asked: Grants, grants: Grants, network: str) -> list[tuple[str, str]]:
    """Permissions, capabilities, network (in words) as granted, with what was withheld."""
    lines = [
        ("permissions", ", ".join(grants.permissions) or "none"),
        ("capabilities", ", ".join(grants.capabilities) or "none"),
        ("network", network),
    ]
    withheld = asked.beyond(grants)
    return [*lines, ("withheld", ", ".join(withheld))] if withheld else lines


def _describe(done: Approval) -> None:
    out = screen.console()
    manifest = done.inspected.manifest
    plan = done.plan.to_dict()
    out.print(f"{manifest.plugin_id} {manifest.version} by {screen.safe_line(manifest.author, 100)}")
    out.print(f"  hooks        {', '.join(hook.name for hook in manifest.hooks) or 'none'}")
    for name, value in granted_lines(done.asking.asked, done.grants, str(plan.get("network", ""))):
        out.print(f"  {name:<12} {value}")
    if done.asking.before_version and done.asking.undecided:
        wider = ", ".join(done.asking.undecided)
        out.print(f"  {'wider':<12} than {done.asking.before_version}: {wider}")
    limits = manifest.limits
    out.print(f"  runs as      {manifest.python}, {limits.memory_mb} MB, {limits.timeout_s} s")
    out.print(f"  size         {screen.size(done.inspected.unzipped_bytes)} unzipped")
    for finding in done.inspected.findings:
        out.print(
            f"  {finding.severity!s:<12} {screen.safe_line(f'{finding.where()}: {finding.message}', 300)}",
            soft_wrap=True,
        )
    steps: list[dict[str, Any]] = plan.get("steps", [])
    out.print("\nplan:" if done.record is None else "\ndone:")
    for step in steps:
        out.print(f"  {step.get('action', ''):<17} {step.get('target', '')}", soft_wrap=True)
        if step.get("why"):
            out.print(f"  {'':<17} {step['why']}")
    if not steps:
        out.print("  nothing: it is deployed exactly so")
    if done.record is None:
        if done.lacking:
            out.print(f"\nIt will not run here: {screen.safe_line(done.lacking)}.", soft_wrap=True)
            out.print("Until then each of its calls is skipped.")
        out.print("\nNothing was changed (--dry-run).")
        return
    for warning in done.record.warnings:
        out.print(f"warning: {screen.safe_line(warning)}")
    state = str(done.breaker.state) if done.breaker else "unknown"
    out.print(f"\n{manifest.plugin_id} {manifest.version} is {state}; smoke call {done.record.smoke}.")
    if done.lacking:
        out.print(f"It does not run here: {screen.safe_line(done.lacking)}.", soft_wrap=True)
        out.print("Until then each of its calls is skipped.")
    if state != "enabled":
        out.print(f"To switch it on: services-ai-admin enable {manifest.plugin_id}")
