"""`services-ai-admin status PLUGIN --policy`: what its role allows and why, and what a pending upgrade changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from control_plane.cli import screen
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from control_plane.cli.plane import ControlPlane
    from control_plane.operations.policy_change import PolicyChange
    from control_plane.table.plugins import PluginRecord


def show_policy(ours: ControlPlane, plugin: str | None, *, as_json: bool) -> None:
    """Prints it.

    Raises:
        InvalidInputError: No plugin is named, or none of it is live.
    """
    from control_plane.operations.policy_change import pending_change

    if plugin is None:
        raise InvalidInputError("--policy is about one plugin", hint="services-ai-admin status PLUGIN --policy")
    record = ours.fleet.one(plugin).record
    if record is None:
        raise InvalidInputError(
            f"{plugin} has no role: no version of it was ever live",
            code="not-deployed",
            hint=f"services-ai-admin approve {plugin} --dry-run --json has the policy that it would get",
        )
    change = pending_change(ours.approver, record, screen.progress)
    if as_json:
        screen.print_json(
            {
                "plugin": record.plugin_id,
                "version": record.version,
                "role": record.role_arn,
                "policy": list(record.policy),
                "withheld": list(record.asked.beyond(record.grants)),
                "pending": change.to_dict() if change else None,
            }
        )
        return
    _print(record, change)


def _print(record: PluginRecord, change: PolicyChange | None) -> None:
    typer.echo(f"{record.plugin_id} {record.version}, role {record.role_arn}\n")
    if not record.policy:
        typer.echo(f"Deployed before policies were kept: approve {record.plugin_id} again, and it is shown.")
    for statement in record.policy:
        _statement("  ", statement)
    withheld = record.asked.beyond(record.grants)
    if withheld:
        typer.echo(f"withheld: {', '.join(withheld)}")
    if change is None:
        return
    typer.echo(f"\n{screen.safe_line(change.version)} is submitted and not live.", nl=False)
    if change.error:
        typer.echo(f" It cannot be approved as it is: {screen.safe(change.error)}")
    elif not change.added and not change.removed:
        typer.echo(" It changes nothing of this.")
    else:
        typer.echo(" If all that is new in it is granted:")
        for statement in change.removed:
            _statement("- ", statement)
        for statement in change.added:
            _statement("+ ", statement)


def _statement(mark: str, statement: dict[str, Any]) -> None:
    resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    typer.echo(f"{mark}{statement['Sid']}: {statement['Why']}")
    typer.echo(f"{mark}  {', '.join(statement['Action'])}")
    for resource in resources:
        typer.echo(f"{mark}  on {resource}")
    if statement.get("Condition"):
        typer.echo(f"{mark}  if {json.dumps(statement['Condition'], sort_keys=True)}")
