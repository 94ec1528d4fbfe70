"""`services-ai-plugin`: the author's commands. Their modules import what is heavy only when they run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from services_ai_sdk import __version__
from services_ai_sdk.cli.create import create
from services_ai_sdk.cli.doctor import doctor
from services_ai_sdk.cli.invoke import invoke
from services_ai_sdk.cli.package import package
from services_ai_sdk.cli.pipes import quiet_when_nobody_reads
from services_ai_sdk.cli.running import run
from services_ai_sdk.cli.submit import submit
from services_ai_sdk.cli.test import run_tests
from services_ai_sdk.cli.validate import validate

app = typer.Typer(
    name="services-ai-plugin",
    help="Write, check, package and submit Services AI plugins.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "create": create,
    "validate": validate,
    "test": run_tests,
    "invoke": invoke,
    "package": package,
    "submit": submit,
    "doctor": doctor,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"services-ai-plugin {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Print it."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """The console script."""
    with quiet_when_nobody_reads():
        sys.exit(run(app, sys.argv[1:]))
