"""`services-ai-plugin invoke`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from services_ai_sdk.manifest.model import Manifest
    from services_ai_sdk.testing.hook_run import HookRun

PAYLOAD_MAX_BYTES = 6 * 1024 * 1024


def invoke(
    hook: Annotated[str, typer.Argument(help="The hook: lead_created.")],
    path: Annotated[Path, typer.Argument(help="The plugin's folder or zip.")] = Path(),
    *,
    payload: Annotated[
        str, typer.Option(help="The arguments as JSON: a file, - for standard input, or sample.")
    ] = "sample",
    setting: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, the value as JSON or text; may be repeated.")
    ] = None,
    grant: Annotated[
        list[str] | None, typer.Option(help="What counts as granted. Default: all that the manifest asks for.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Build the plugin, run one hook in the sandboxed emulator, and show what came of it. Exit code 1: it failed.

    Examples: services-ai-plugin invoke lead_created my-plugin, … invoke lead_created --payload lead.json
    """
    from services_ai_sdk import hooks
    from services_ai_sdk.testing.workbench import workbench

    spec = hooks.get(hook)
    args = spec.sample if payload == "sample" else _read(payload)
    settings = dict(_setting(text) for text in setting or [])
    with workbench(
        path, progress=lambda line: typer.echo(f"· {line}", err=True), settings=settings, permissions=grant
    ) as (built, plugin):
        run = plugin.fire(hook, args)
    if as_json:
        typer.echo(json.dumps({**run.to_dict(), "limits": built.manifest.limits.model_dump()}))
    else:
        _show(run, built.manifest)
    if not run.ok:
        raise typer.Exit(1)


def _show(run: HookRun, manifest: Manifest) -> None:
    from services_ai_sdk.cli.errors import printable

    for line in run.lines:
        typer.echo(f"  {printable(line)}", err=True)
    if run.failure is None:
        typer.echo(json.dumps(run.value, indent=2, ensure_ascii=False))
    else:
        typer.echo(printable(f"{run.failure.type}: {run.failure.message}"))
        for frame in run.failure.frames:
            typer.echo(printable(f"  {frame.file}:{frame.line} in {frame.function}"))
            for number, text in frame.source:
                mark = ">" if number == frame.line else " "
                typer.echo(printable(f"    {mark} {number:4} | {text}"))
        if run.fix:
            typer.echo(printable(f"fix: {run.fix}"))
    for action in run.actions:
        typer.echo(printable(f"action: {action['action']} {json.dumps(action['args'], ensure_ascii=False)}"))
    limits = manifest.limits
    start = f" · start {run.init_ms:.0f} ms" if run.init_ms else ""
    typer.echo(
        f"{run.duration_ms:.1f} ms of {limits.timeout_s} s{start} · {run.max_memory_mb} of {limits.memory_mb} MB",
        err=True,
    )


def _read(source: str) -> dict[str, Any]:
    from services_ai_sdk.wire import jsontext
    from services_ai_sdk.wire.fields import as_object

    if source in ("-", "@-"):
        raw = sys.stdin.buffer.read(PAYLOAD_MAX_BYTES + 1)
    else:
        path = Path(source.removeprefix("@"))
        if not path.is_file():
            raise InvalidInputError(
                f"there is no file {path}", code="payload-missing", hint="name a JSON file, -, or sample"
            )
        with path.open("rb") as file:
            raw = file.read(PAYLOAD_MAX_BYTES + 1)
    if len(raw) > PAYLOAD_MAX_BYTES:
        raise InvalidInputError(
            f"the payload is larger than {PAYLOAD_MAX_BYTES:,} bytes", code="payload-too-large"
        )
    return as_object(jsontext.loads(raw, what="the payload"), "the payload")


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidInputError(f"--setting takes NAME=VALUE, not {text!r}", code="usage")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
