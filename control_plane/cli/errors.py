"""`services-ai-admin errors [PLUGIN]`."""

from __future__ import annotations

from typing import Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption
from control_plane.cli.triage import standing
from control_plane.rules.triage import GroupState
from control_plane.rules.wording import headline


def errors(
    plugin: Annotated[str | None, typer.Argument(metavar="[PLUGIN]", help="Only this one's.")] = None,
    *,
    state: Annotated[GroupState | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List errors, the latest first: failures that are the same news are one."""
    from control_plane.cli.plane import control_plane

    ours = control_plane()
    now_ms = ours.clock.now_ms()
    found = ours.error_reader.groups(plugin)
    groups = [group for group in found if state is None or group.decision.seen_at(now_ms) is state][:limit]
    # A plugin that was taken away may still have some.
    status = ours.fleet.one(plugin) if plugin and not found else None
    ids = [plugin] if plugin else [record.plugin_id for record in ours.plugins.fleet()]
    unrecorded = ours.unrecorded.sentences(ids)
    if as_json:
        screen.print_json({"errors": [group.to_dict() for group in groups], "unrecorded": dict(unrecorded)})
        return
    out = screen.console()
    if not groups:
        kind = f"{state} errors" if state else "errors"
        out.print(f"No {kind}{f' of {plugin}' if plugin else ''} are recorded (they are kept for 90 days).")
    now_s = now_ms / 1000
    for group in groups:
        out.print(
            f"{group.group_id}  {group.plugin_id} {group.last_version}  {group.hook}  {group.count} times,"
            f" last {screen.ago(group.last_at_ms / 1000, now_s)}"
        )
        if (said := standing(group.decision, now_ms)) != "open":
            out.print(f"  {said}")
        out.print(f"  {screen.safe_line(headline(group.type, group.message), 260)}")
        if group.where:
            out.print(f"  at {group.where}{f':  {group.source}' if group.source else ''}")
    for sentence in status.attempt.sentences(now_s) if status and status.attempt else []:
        out.print(screen.safe_line(sentence, 800))
    for name, sentence in unrecorded.items():
        out.print(f"\n{'' if plugin else f'{name}: '}{sentence}.")
    if groups:
        out.print("\nTrace and arguments: services-ai-admin error ID")
