"""What all commands print with: the terminal's width, whole lines of plain text in a pipe, one JSON object."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control_plane.rules.moments import moment, span
from control_plane.rules.text import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
PluginArgument = Annotated[str, typer.Argument(metavar="PLUGIN", help="The plugin's id.", show_default=False)]

PIPED_COLUMNS = 100_000
"""Nothing is wrapped where a program reads: an ARN in two pieces is none."""
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
    return Console(width=PIPED_COLUMNS if piped else None, markup=False, highlight=False, emoji=False)


def print_fields(fields: Sequence[tuple[str, str | Text]]) -> None:
    """Names and values below each other; those without a value are left out."""
    from rich.table import Table
    from rich.text import Text

    out = console()
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    width = max((len(name) for name, _ in fields), default=0) + 2
    for name, value in fields:
        if value and out.is_terminal:
            table.add_row(name, value)
        elif value:
            # A table would fill every line with blanks up to the longest one.
            out.print(Text.assemble(name.ljust(width), value))
    if table.row_count:
        out.print(table)


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


def size(size_bytes: int) -> str:
    """`3.4 MB`, `12 KB`; what is there is never none."""
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1e6:.1f} MB"
    return f"{max(1, round(size_bytes / 1000))} KB" if size_bytes else "0 KB"


def safe(text: str, max_chars: int = 2000) -> str:
    """Text from a plugin for a terminal."""
    return plain(text, max_chars)


def safe_line(text: str, max_chars: int = 300) -> str:
    """The same on one line."""
    return one_line(text, max_chars)
