"""`services-ai-admin resolve | ignore | reopen ERROR`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption
from control_plane.rules.moments import moment, read_moment, read_span
from control_plane.rules.wording import headline
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from control_plane.operations.triage import Triaged
    from control_plane.rules.triage import Decision

ErrorArgument = Annotated[str, typer.Argument(metavar="ERROR", help="Of an error, or of one of its invocations.")]
ReasonOption = Annotated[str, typer.Option(help="For the audit.")]


def resolve(
    error: ErrorArgument,
    *,
    version: Annotated[str, typer.Option(help="The first version without it. Default: what is live.")] = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say in which version an error is mended: if that or a later one has it again, it alerts as a regression."""
    from control_plane.cli.plane import actor, control_plane

    done = control_plane().triage.resolve(error, version=version, actor=actor(), reason=reason)
    _show(done, as_json=as_json)


def ignore(
    error: ErrorArgument,
    *,
    reason: ReasonOption,
    span: Annotated[str, typer.Option("--for", metavar="SPAN", help="7d, 12h, 30min. Default: for ever.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="2026-03-01 or 2026-03-01T14:00, UTC.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Do not hear of an error, for a time or for ever: it neither alerts nor counts in the fleet's errors.

    It still counts for the breaker: five in a row switch the plugin off, and that alerts.
    """
    from control_plane.cli.plane import actor, control_plane

    ours = control_plane()
    until_ms = _until_ms(span, until, ours.clock.now_s())
    _show(ours.triage.ignore(error, until_ms=until_ms, actor=actor(), reason=reason), as_json=as_json)


def reopen(error: ErrorArgument, *, reason: ReasonOption = "", as_json: JsonOption = False) -> None:
    """Hear of an error again that was resolved or ignored."""
    from control_plane.cli.plane import actor, control_plane

    _show(control_plane().triage.reopen(error, actor=actor(), reason=reason), as_json=as_json)


def standing(decision: Decision, now_ms: int) -> str:
    """`resolved in 1.0.1 by ada`, `ignored until … by bob`, `open`."""
    state = decision.seen_at(now_ms)
    by = f" by {decision.actor}" if decision.actor not in ("", "recorder") else ""
    if state == "open":
        return "open"
    if state == "regressed":
        return f"regressed (it was resolved in {decision.resolved_in})"
    if state == "resolved":
        return f"resolved in {decision.resolved_in}{by}"
    until = f"until {moment(decision.ignored_until_ms / 1000)}" if decision.ignored_until_ms else "for ever"
    return f"ignored {until}{by}"


def _until_ms(span: str, until: str, now_s: float) -> int:
    if not span and not until:
        return 0
    if span and until:
        raise InvalidInputError("--for and --until are two answers to one question", hint="leave one of them out")
    passes_s = read_span(span) if span else None
    at_s = now_s + passes_s if passes_s is not None else read_moment(until) if until else None
    if at_s is None:
        raise InvalidInputError(
            f"{(span or until)[:40]!r} is no {'span' if span else 'time'}",
            hint="--for takes 7d, 12h or 30min" if span else "--until takes 2026-03-01 or 2026-03-01T14:00",
        )
    return int(at_s * 1000)


def _show(done: Triaged, *, as_json: bool) -> None:
    if as_json:
        screen.print_json(done.to_dict())
        return
    group, decision = done.after, done.after.decision
    said = standing(decision, max(decision.at_ms, 1))
    before = f" (was {done.before.decision.state})" if done.changed else " already; nothing was changed"
    typer.echo(f"{group.group_id} of {group.plugin_id} is {said}{before}")
    typer.echo(f"  {screen.safe_line(headline(group.type, group.message), 260)}")
