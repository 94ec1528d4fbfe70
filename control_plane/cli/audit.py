"""`services-ai-admin audit [PLUGIN]`."""

from __future__ import annotations

from typing import Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption
from control_plane.rules.moments import read_moment, read_span
from services_ai_sdk.wire.errors import InvalidInputError


def audit(
    plugin: Annotated[str | None, typer.Argument(metavar="[PLUGIN]", help="Only of this one.")] = None,
    *,
    since: Annotated[str, typer.Option(metavar="TIME", help="7d, 12h, 2026-03-01. Default: ever.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show who did what, when and why, the latest last. Rows are never changed, and never expire.

    Also of plugins that were uninstalled, where they are named.
    """
    from itertools import islice

    from control_plane.cli.plane import control_plane

    ours = control_plane()
    since_ms = _since_ms(since, ours.clock.now_s())
    rows = list(islice(ours.audit_reader.rows(plugin, since_ms=since_ms), limit))[::-1]
    if as_json:
        screen.print_json({"rows": [row.to_dict() for row in rows]})
        return
    out = screen.console()
    if not rows:
        out.print(f"Nothing was done{f' to {plugin}' if plugin else ''}{f' since {since}' if since else ''}.")
    for row in rows:
        what = " ".join(part for part in (row.action, row.plugin_id, row.version, row.about) if part)
        changed = f"  ({row.before} → {row.after})" if row.before != row.after else ""
        out.print(f"{screen.at(row.at_ms)}  {row.actor}  {what}{changed}")
        if row.reason:
            out.print(f"  {screen.safe_line(row.reason, 500)}")


def _since_ms(text: str, now_s: float) -> int:
    if not text:
        return 0
    passed_s = read_span(text)
    at_s = now_s - passed_s if passed_s is not None else read_moment(text)
    if at_s is None:
        raise InvalidInputError(
            f"{text[:40]!r} is no time", hint="--since takes 7d, 12h, 2026-03-01 or 2026-03-01T14:00"
        )
    return max(0, int(at_s * 1000))
