"""What all commands print with: 80 columns where nobody says otherwise, plain text in a pipe, one JSON object."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control_plane.rules.moments import moment, span
from control_plane.rules.text import one_line, plain

if TYPE_CHECKING:
    from rich.console import Console

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
PluginArgument = Annotated[str, typer.Argument(metavar="PLUGIN", help="The plugin's id.", show_default=False)]

COLUMNS = 80
STATE_STYLES = {
    "enabled": "green",
    "probing": "yellow",
    "auto_disabled": "bold red",
    "disabled": "red",
}


def console() -> Console:
    """A console on standard output; nothing that is printed with it is taken for markup."""
    from rich.console import Console

    piped = not sys.stdout.isatty()
    return Console(width=COLUMNS if piped else None, markup=False, highlight=False, emoji=False)


def print_json(value: dict[str, Any]) -> None:
    """One line; non-ASCII text is escaped, so that any pipe takes it."""
    typer.echo(json.dumps(value))


def progress(line: str) -> None:
    """One line of progress, beside the output."""
    typer.echo(f"· {line}", err=True)


def ago(at_s: float, now_s: float) -> str:
    """`5 min ago`."""
    passed_s = now_s - at_s
    return f"{span(passed_s)} ago" if passed_s >= 1 else "now"


def at(at_ms: int) -> str:
    """Milliseconds as a time."""
    return moment(at_ms / 1000)


def safe(text: str, max_chars: int = 2000) -> str:
    """Text from a plugin for a terminal."""
    return plain(text, max_chars)


def safe_line(text: str, max_chars: int = 300) -> str:
    """The same on one line."""
    return one_line(text, max_chars)
