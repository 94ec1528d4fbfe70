"""Keeps a page on the terminal until somebody has seen enough."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import IO, TYPE_CHECKING, Any

from control_plane.cli.live_page import Rates, page
from services_ai_sdk.wire.errors import PlatformError

if TYPE_CHECKING:
    from rich.console import Console

EVERY_S = 1.0
ENDS_WITHIN_S = 5.0


class Note:
    """Where the local cloud's words go: to a writer, or while the page is up to its last line.

    Args:
        write: For one line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self.on_page = False
        self.last = ""

    def __call__(self, line: str) -> None:
        """One line."""
        self.last = line
        if not self.on_page:
            self._write(line)


def can_show() -> bool:
    """Whether a person looks."""
    return sys.stdout.isatty()


def show(
    info: dict[str, Any],
    activity: Callable[[], dict[str, Any]],
    *,
    ends: str,
    ended: Callable[[], bool],
    note: Note,
    console: Console,
) -> None:
    """Shows it until `q`, Ctrl-C or the end of the local cloud.

    Args:
        info: The local cloud, as `--json` has it.
        activity: What runs in it now.
        ends: What `q` does, in words.
        ended: Whether the local cloud has ended.
        note: Its words.
        console: On a terminal.
    """
    from rich.live import Live

    rates = Rates()
    note.on_page, note.last = True, ""
    try:
        with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
            while not ended():
                try:
                    found = activity()
                except PlatformError:
                    # It may just be ending.
                    if _within(ENDS_WITHIN_S, ended):
                        return
                    raise
                height = console.size.height
                live.update(
                    page(
                        info,
                        found,
                        rates.of(found, monotonic()),
                        lines_max=height,
                        now=datetime.now(UTC),
                        ends=ends,
                        note=note.last,
                    ),
                    refresh=True,
                )
                if pressed(EVERY_S) in ("q", "Q", "\x03"):
                    return
    except KeyboardInterrupt:
        return
    finally:
        note.on_page = False


def _within(seconds: float, happened: Callable[[], bool]) -> bool:
    until = monotonic() + seconds
    while not happened():
        if monotonic() > until:
            return False
        sleep(0.05)
    return True


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """What was pressed within some seconds; without a keyboard it only waits."""
    stdin: IO[str] = sys.stdin
    if not stdin.isatty():
        yield lambda timeout_s: _read(None, timeout_s)
        return
    import termios
    import tty

    descriptor = stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield lambda timeout_s: _read(descriptor, timeout_s)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _read(descriptor: int | None, timeout_s: float) -> str:
    import os

    ready, _, _ = select.select([] if descriptor is None else [descriptor], [], [], timeout_s)
    return os.read(ready[0], 1).decode("latin-1") if ready else ""
