"""`services-ai-admin status [PLUGIN]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.approve import granted_lines
from control_plane.cli.screen import JsonOption
from control_plane.rules.wording import headline

if TYPE_CHECKING:
    from rich.text import Text

    from control_plane.operations.status import PluginStatus
    from control_plane.table.plugins import PluginDependency, PluginRecord


def status(
    plugin: Annotated[str | None, typer.Argument(metavar="[PLUGIN]", help="Only this one.")] = None,
    *,
    policy: Annotated[
        bool, typer.Option("--policy", help="What its role allows and why; what a submitted upgrade changes.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how plugins are doing: the fleet, worst first, or all about one."""
    from control_plane.cli.plane import control_plane
    from control_plane.cli.policy import show_policy

    ours = control_plane()
    if policy:
        show_policy(ours, plugin, as_json=as_json)
        return
    rows = [ours.fleet.one(plugin)] if plugin else ours.fleet.all()
    now_s = ours.clock.now_s()
    if as_json:
        screen.print_json({"stack": ours.stack, "plugins": [row.to_dict() for row in rows]})
    elif plugin:
        _one(rows[0], now_s)
        _attempt(rows[0], now_s)
    elif rows:
        _fleet(rows, now_s)
    else:
        typer.echo("No plugin is deployed. An author submits one with services-ai-plugin submit FILE;")
        typer.echo("services-ai-admin approve PLUGIN deploys it.")


def _fleet(rows: list[PluginStatus], now_s: float) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("PLUGIN", "VERSION", "STATE", "SINCE"):
        table.add_column(name, overflow="fold")
    for name in ("CALLS/H", "ERRORS", "P50/P95 MS"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        since = screen.ago(row.breaker.since_s, now_s).removesuffix(" ago") if row.breaker else ""
        table.add_row(
            row.plugin_id,
            row.version,
            _state(row),
            since,
            str(row.activity.calls),
            str(row.activity.errors),
            _quantiles(row),
        )
    out = screen.console()
    out.print(table)
    notes = [note for row in rows for note in _notes(row, now_s)]
    if notes:
        out.print()
    for note in notes:
        out.print(note, overflow="fold")


def _notes(row: PluginStatus, now_s: float) -> list[str]:
    """What an admin should know of a plugin that is off, or failed lately."""
    name, breaker, last = row.plugin_id, row.breaker, row.last_error
    notes = []
    if breaker is not None and row.state != "enabled":
        notes.append(f"{name}: {screen.safe_line(breaker.reason)} (by {breaker.actor})")
        notes += [f"{name}: {screen.safe_line(row.probes.sentence(now_s), 400)}"] if row.probes else []
    if row.lacking:
        notes.append(f"{name}: {_not_run(row)}")
    elif row.record is not None and row.record.smoke != "passed":
        notes.append(f"{name}: {screen.safe_line(row.record.smoke)}")
    if last is not None:
        where = f" at {last.where}" if last.where else ""
        when = screen.ago(last.last_at_ms / 1000, now_s)
        notes.append(
            f"{name}: last error {when}: {screen.safe_line(headline(last.type, last.message), 180)}{where}"
        )
    return notes


def _state(row: PluginStatus) -> Text:
    from rich.text import Text

    state = Text(row.state, style=screen.STATE_STYLES.get(row.state, ""))
    return state.append(", not run here", style="bold red") if row.lacking else state


def _not_run(row: PluginStatus) -> str:
    skipped = f"calls are skipped, {row.activity.not_run} in the last hour"
    return f"{skipped}: {screen.safe_line(row.lacking)}"


def _one(row: PluginStatus, now_s: float) -> None:
    record, activity, breaker = row.record, row.activity, row.breaker
    if record is None:
        typer.echo(f"{row.plugin_id} {row.version} is not deployed.")
        return
    state = _state(row)
    if breaker is not None:
        state.append(f", {screen.ago(breaker.since_s, now_s)}, by {breaker.actor}", style="")
    lines: list[tuple[str, str | Text]] = [
        ("plugin", f"{record.plugin_id} {record.version} ({record.name})"),
        ("author", record.author),
        ("state", state),
        ("reason", screen.safe_line(breaker.reason) if breaker else ""),
        ("not run", _not_run(row) if row.lacking else ""),
        ("probes", screen.safe_line(row.probes.sentence(now_s), 400) if row.probes else ""),
        ("hooks", ", ".join(f"{name} (priority {priority})" for name, priority in record.hooks)),
        *granted_lines(record.asked, record.grants, record.network),
        ("runs as", f"{record.python}, {record.memory_mb} MB, {record.timeout_s} s"),
        *_needs(record),
        ("function", f"{record.function_arn} (version {record.function_version})"),
        ("role", record.role_arn),
        ("smoke call", record.smoke),
        ("deployed", f"{screen.at(record.deployed_at_ms)} by {record.deployed_by}"),
        ("last hour", f"{activity.calls} calls, {activity.errors} errors ({row.error_rate:.1%})"),
        ("", f"{activity.ignored} more errors are ignored" if activity.ignored else ""),
        ("", f"{activity.uncounted} not counted, {activity.skipped} skipped, {activity.cold} cold"),
        ("p50/p95 ms", _quantiles(row)),
    ]
    lines += [("warning", screen.safe_line(warning)) for warning in record.warnings]
    screen.print_fields(lines)
    for note in _notes(row, now_s)[-1:] if row.last_error else []:
        typer.echo(f"\n{note}\nservices-ai-admin error {row.last_error.group_id if row.last_error else ''}")


def _needs(record: PluginRecord) -> list[tuple[str, str | Text]]:
    rows = [_dependency(one) for one in record.dependencies] or ["nothing"]
    return [("" if at else "needs", row) for at, row in enumerate(rows)]


def _dependency(one: PluginDependency) -> str:
    wanted = f" ({one.spec})" if one.spec else ""
    stated = f", {screen.safe_line(one.license, 40)}" if one.license else ""
    failed = f": {screen.safe_line(one.reason, 200)}" if one.reason else ""
    return f"{one.package} {one.version}{wanted}, {screen.size(one.size_bytes)}{stated}, {one.status}{failed}"


def _attempt(row: PluginStatus, now_s: float) -> None:
    if row.attempt is None:
        return
    out = screen.console()
    out.print()
    for sentence in row.attempt.sentences(now_s):
        out.print(screen.safe_line(sentence, 800))
    for one in row.attempt.release.dependencies:
        if one.status == "failed":
            out.print(f"Dependency {_dependency(one)}")
    if row.attempt.failure is not None:
        out.print(f"The whole trace: services-ai-admin why {row.plugin_id}")


def _quantiles(row: PluginStatus) -> str:
    found = [row.activity.quantile_ms(q) for q in (0.5, 0.95)]
    return "/".join("-" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}" for value in found)
