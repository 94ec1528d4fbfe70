"""`services-ai-admin local`: the whole platform on this machine."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from control_plane.cli.live import Note, can_show, show
from control_plane.cli.live_page import short, what_went_wrong
from control_plane.cli.screen import console
from control_plane.cli.wiring import local_cloud
from control_plane.rules.text import one_line
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError

app = typer.Typer(
    help="The whole platform on this machine: no AWS account, no Docker, one loopback port.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

StateDirOption = Annotated[
    Path | None,
    typer.Option("--state-dir", help="Where it keeps its state. Default: SERVICES_AI_HOME, else below /var/tmp."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


class Shell(StrEnum):
    """Whose syntax `env` writes."""

    SH = "sh"
    FISH = "fish"


@app.command(
    epilog="Examples:\n\n- `services-ai-admin local up --detach`\n\n- `services-ai-admin local up --port 5000`"
    "\n\n- `services-ai-admin local up --faults aws-like`",
)
def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once it is ready; it goes on.")] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, envvar="SERVICES_AI_PORT", help="On 127.0.0.1; 0 takes a free one."),
    ] = None,
    state_dir: StateDirOption = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the state of the local cloud before; see reset.")
    ] = False,
    no_platform: Annotated[bool, typer.Option("--no-platform", help="AWS only; nothing deployed.")] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Run functions even where this machine has no sandbox for them.")
    ] = False,
    faults: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            envvar="SERVICES_AI_FAULTS",
            help="Be as slow, busy and unready as AWS: aws-like, or a JSON file of your own.",
        ),
    ] = "",
    iam: Annotated[
        bool | None,
        typer.Option("--iam/--no-iam", help="Hold every caller against their policies, as AWS does."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start the local cloud and deploy the platform into it.

    It goes on where the one before ended. One that runs already is brought up to date and left running.
    In a terminal a page shows what runs; q ends it.
    """
    cloud = local_cloud()
    options = cloud.CloudOptions(
        port=port,
        state_dir=state_dir,
        platform=not no_platform,
        unsafe=unsafe,
        fresh=fresh,
        faults=faults,
        iam=iam,
    )
    # Ended from outside, it ends as by Ctrl-C: with everything in it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    said = Note(_progress)
    try:
        started = cloud.start(options, said)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    stays = detach or started.already_running
    try:
        if as_json:
            typer.echo(json.dumps({**started.info.to_dict(), "already_running": started.already_running}))
        else:
            _describe(started.info, stays=stays)
        if stays:
            started.detach()
            return
        if can_show() and not as_json:
            _live(started.info, "ends the local cloud", lambda: started.has_ended, said)
            if not started.has_ended:
                raise KeyboardInterrupt  # q is Ctrl-C
        code = started.wait()
    except KeyboardInterrupt:
        _progress("ending the local cloud")
        started.stop()
        return
    raise PlatformError(
        f"the local cloud ended by itself with status {code}",
        code="local-cloud-broken",
        hint=f"its log: {Path(started.info.state_dir) / 'logs' / 'cloud.log'}",
    )


@app.command(
    epilog="Examples:\n\n- `services-ai-admin local status --json`\n\n- `services-ai-admin local status --watch`"
)
def status(
    *,
    state_dir: StateDirOption = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="A page that follows it; q leaves.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what runs: warm functions, their processes, protections, queues, streams. Exit code 3: nothing does.

    A function is warm while it has a worker process; one that is not starts with its next call.
    """
    info = _running(state_dir)
    if watch:
        if as_json or not can_show():
            raise InvalidInputError(
                "--watch is for a terminal, and not for --json",
                code="no-terminal",
                hint=local_cloud().local_command("status --json", state_dir),
            )
        _live(info, "leaves this page", lambda: local_cloud().status(state_dir) is None, Note(_progress))
        if local_cloud().status(state_dir) is None:
            _progress("the local cloud has ended")
        return
    activity = local_cloud().activity(info)
    if as_json:
        typer.echo(json.dumps({**info.to_dict(), "activity": activity}))
        return
    _describe(info, stays=True)
    shown = {
        "warm": activity["warm_functions"],
        "functions": activity["functions"],
        "workers": activity["workers"],
        "memory": f"{activity['memory_mb']} of at most {activity['memory_max_mb']} MB",
        "events": activity["events"],
        "queues": activity["queues"],
        "feeds": [feed_text(one) for one in activity["pollers"]],
        "errors": [error_text(one) for one in activity["errors"]],
        **({"injected": faults_text(activity["faults"])} if "faults" in activity else {}),
        "protections": activity["protections"],
    }
    for name, value in shown.items():
        typer.echo(f"{name:<13}{_plain(value)}")


@app.command()
def down(*, state_dir: StateDirOption = None, as_json: JsonOption = False) -> None:
    """End the local cloud and every process in it; its state stays for the next up. None running is no error."""
    ended = local_cloud().down(state_dir)
    if as_json:
        typer.echo(json.dumps({"ended": None if ended is None else ended.to_dict()}))
        return
    typer.echo("no local cloud was running" if ended is None else f"ended the local cloud (process {ended.pid})")


@app.command(epilog="Example: `services-ai-admin local reset --yes`")
def reset(
    *,
    state_dir: StateDirOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forget the state of the local cloud: functions, plugins, tables, queues, everything. Not while one runs."""
    if not yes:
        where = local_cloud().state_path(state_dir)
        if not sys.stdin.isatty():
            raise InvalidInputError(
                f"reset forgets everything in {where}",
                code="confirmation-needed",
                hint=f"if that is meant: {local_cloud().local_command('reset --yes', state_dir)}",
            )
        typer.confirm(f"Forget everything in {where}?", abort=True, err=True)
    forgotten = local_cloud().reset(state_dir)
    if as_json:
        typer.echo(json.dumps({"forgotten": forgotten}))
        return
    typer.echo("the next local cloud starts empty" if forgotten else "there was no state")


@app.command(epilog='Example: `eval "$(services-ai-admin local env)"`')
def env(
    *,
    state_dir: StateDirOption = None,
    shell: Annotated[Shell, typer.Option(help="Whose syntax.")] = Shell.SH,
    as_json: JsonOption = False,
) -> None:
    """Print the environment in which boto3, the AWS CLI and our own commands use the local cloud."""
    values = local_cloud().env(_running(state_dir))
    if as_json:
        typer.echo(json.dumps(values))
        return
    for name, value in values.items():
        quoted = shlex.quote(value)
        typer.echo(f"set -gx {name} {quoted}" if shell == Shell.FISH else f"export {name}={quoted}")


def _running(state_dir: Path | None) -> Any:
    info = local_cloud().status(state_dir)
    if info is None:
        raise PlatformError(
            "no local cloud runs",
            code="local-cloud-down",
            hint=local_cloud().local_command("up --detach", state_dir),
        )
    return info


def _describe(info: Any, *, stays: bool) -> None:
    functions = f"stack {info.stack}" if info.outputs else "not deployed"
    lines = {
        "local cloud": f"{info.endpoint} (process {info.pid})",
        "platform": functions,
        "dispatcher": info.outputs.get("DispatcherFunctionName", ""),
        "sandbox": "OFF: functions can reach this machine" if info.unsafe else "",
        "faults": info.faults,
        "IAM": "enforced for every caller" if info.iam else "OFF: whoever calls, a function too, may do anything",
        "logs": str(Path(info.state_dir) / "logs"),
        "use it": f'eval "$({local_cloud().local_command("env", Path(info.state_dir))})"',
        "end it": local_cloud().local_command("down", Path(info.state_dir)) if stays else "Ctrl-C",
    }
    for name, value in lines.items():
        if value:
            typer.echo(f"{name:<13}{value}")


def feed_text(poller: dict[str, Any]) -> str:
    """What a poller feeds, and whether it has met errors."""
    text = f"{short(poller['source'])} → {short(poller['function'])}"
    if poller.get("refused"):
        return f"{text} ({one_line(poller['refused'], 200)})"
    errors = poller.get("errors", 0)
    return f"{text} ({errors} errors, the last: {poller['last_error']})" if errors else text


def error_text(error: dict[str, Any]) -> str:
    """When, which function, and the first line of what it raised."""
    return f"{error['at']} {one_line(error['function'], 64)} {what_went_wrong(error)}"


def faults_text(faults: dict[str, Any]) -> str:
    """What was injected so far, most of it first."""
    counts = sorted(faults["injected"].items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count} × {kind}" for kind, count in counts) or "nothing yet"


def _live(info: Any, ends: str, ended: Callable[[], bool], note: Note) -> None:
    cloud = local_cloud()
    show(info.to_dict(), lambda: cloud.activity(info), ends=ends, ended=ended, note=note, console=console())


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return (
            "\n".join(f"{'' if index == 0 else ' ' * 13}{_plain(one)}" for index, one in enumerate(value))
            or "none"
        )
    if isinstance(value, dict):
        return "  ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return str(value)


def _progress(line: str) -> None:
    typer.echo(f"· {line}", err=True)
