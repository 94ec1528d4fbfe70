"""`services-ai-admin logs PLUGIN`."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from control_plane.cli import screen, wiring
from control_plane.cli.screen import JsonOption, PluginArgument


def logs(
    plugin: PluginArgument,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List a plugin's calls, the latest last: hook, outcome, duration. Calls are kept for 7 days."""
    from control_plane.cli.plane import control_plane
    from control_plane.operations.logs import entries

    ours = control_plane()
    found = list(islice(entries(ours.activity, plugin), limit))[::-1]
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
        cold = f", {entry.init_ms:.0f} ms of it import" if entry.init_ms else ""
        note = f"  {screen.safe_line(entry.note, 100)}" if entry.note else ""
        out.print(
            f"{screen.at(entry.at_ms)}  {entry.hook}  {entry.outcome}  {entry.duration_ms:.1f} ms{cold}{note}"
        )
    for sentence in ours.unrecorded.sentences([plugin]).values():
        out.print(f"\n{sentence}.")
    out.print(f"\nWhat it printed: {printed}", soft_wrap=True)


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
