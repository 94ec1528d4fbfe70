"""`services-ai-admin logs PLUGIN`."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from control_plane.cli import screen, wiring
from control_plane.cli.screen import JsonOption, PluginArgument
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from control_plane.cli.plane import ControlPlane
    from control_plane.table.activity import PluginExecutionLog


def logs(
    plugin: PluginArgument,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones, until Ctrl-C.")] = False,
    invocation: Annotated[str, typer.Option(metavar="ID", help="Only this call; its failure, too.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List a plugin's calls, the latest last: hook, outcome, duration. Calls are kept for 7 days.

    With --follow and --json each call is one line of JSON.
    """
    from control_plane.cli.plane import control_plane
    from control_plane.operations.logs import entries

    ours = control_plane()
    if follow and not invocation:
        _follow(ours, plugin, limit, as_json=as_json)
        return
    calls_of = (one for one in entries(ours.activity, plugin) if invocation in ("", one.invocation_id))
    found = list(islice(calls_of, 1 if invocation else limit))[::-1]
    if invocation and not found:
        raise InvalidInputError(
            f"no call {invocation[:100]!r} of {plugin} is recorded",
            code="invocation-unknown",
            hint="a call is recorded some seconds after it was made, and kept for 7 days",
        )
    status = None if found else ours.fleet.one(plugin)
    printed = _Printed.of(f"{ours.stack}-plugin-{plugin}")
    if as_json:
        calls = [entry.to_dict() for entry in found]
        screen.print_json({"plugin": plugin, "calls": calls, "printed": asdict(printed)})
        return
    out = screen.console()
    if status is not None:
        out.print(f"No calls of {plugin} are recorded: a call is some seconds after it was made, and for 7 days.")
        for sentence in status.attempt.sentences(ours.clock.now_s()) if status.attempt else []:
            out.print(screen.safe_line(sentence, 800))
    for entry in found:
        out.print(_line(entry))
    if invocation:
        out.print(f"  invocation {invocation}, version {found[0].version}, {found[0].max_memory_mb:.0f} MB")
        if found[0].group_id:
            out.print(f"\nTrace and arguments: services-ai-admin error {invocation}")
        return
    for sentence in ours.unrecorded.sentences([plugin]).values():
        out.print(f"\n{sentence}.")
    out.print(f"\nWhat it printed: {printed}", soft_wrap=True)


def _line(entry: PluginExecutionLog) -> str:
    cold = f", {entry.init_ms:.0f} ms of it import" if entry.init_ms else ""
    note = f"  {screen.safe_line(entry.note, 100)}" if entry.note else ""
    return f"{screen.at(entry.at_ms)}  {entry.hook}  {entry.outcome}  {entry.duration_ms:.1f} ms{cold}{note}"


def _follow(ours: ControlPlane, plugin: str, limit: int, *, as_json: bool) -> None:
    from control_plane.operations.logs import followed

    if not ours.activity.has_log(plugin):
        ours.fleet.one(plugin)  # one that is not there has no calls to wait for
    try:
        for entry in followed(ours.activity, plugin, ours.clock, limit=limit):
            if as_json:
                screen.print_json(entry.to_dict())
            else:
                screen.console().print(_line(entry))
    except KeyboardInterrupt:
        # How a person ends it: no error.
        return


@dataclass(frozen=True, slots=True)
class _Printed:
    """Where a function's output is.

    Attributes:
        file: Of the local cloud, if it is the one that is asked; None elsewhere.
    """

    log_group: str
    file: str | None

    @classmethod
    def of(cls, function_name: str) -> _Printed:
        """By the environment that the commands use."""
        cloud = wiring.used_local_cloud(os.environ)
        file = Path(cloud.state_dir) / "logs" / f"{function_name}.log" if cloud is not None else None
        return cls(f"/aws/lambda/{function_name}", str(file) if file else None)

    def __str__(self) -> str:
        if self.file is None:
            return f"the log group {self.log_group} of CloudWatch Logs"
        missing = "" if Path(self.file).is_file() else " (not there yet: nothing was printed)"
        return f"{self.file}{missing}"
