"""What a person sees: headings and progress on standard error, results on standard output."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from infra.demo.record import CallRecord


class Screen:
    """Prints. With `--json` everything for people goes to standard error.

    Args:
        results: Where results for people go.
        progress: Where progress goes.
        colour: Whether to use bold and colours.
    """

    def __init__(self, results: TextIO, progress: TextIO, *, colour: bool) -> None:
        self._results = results
        self._progress = progress
        self._colour = colour

    @classmethod
    def for_process(cls, *, as_json: bool) -> Screen:
        """On this process's own streams."""
        results = sys.stderr if as_json else sys.stdout
        return cls(results, sys.stderr, colour=results.isatty())

    def step(self, number: int, title: str) -> None:
        """A numbered heading."""
        self._results.write(self._styled("1", f"\n{number}. {title}\n"))
        self._results.flush()

    def progress(self, line: str) -> None:
        """One line of what is going on."""
        self._progress.write(self._styled("2", f"   · {_cut(line, 110)}\n"))
        self._progress.flush()

    def line(self, text: str = "") -> None:
        """One line of result."""
        self._results.write(f"   {text}\n" if text else "\n")
        self._results.flush()

    def block(self, text: str) -> None:
        """Several lines of result."""
        for line in text.rstrip("\n").splitlines():
            self.line(line)

    def call(self, call: CallRecord) -> None:
        """One plugin's answer on one line."""
        mark, colour = {"ok": ("✓", "32"), "error": ("✗", "31")}.get(call.status, ("·", "33"))
        what = _short(call.value) if call.ok else _error_text(call.error or {})
        self.line(f"{self._styled(colour, mark)} {call.plugin:<18} {call.duration_ms:>8.1f} ms  {what}")

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _short(value: Any, length: int = 150) -> str:
    return _cut(json.dumps(value, ensure_ascii=False), length)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _error_text(error: dict[str, Any]) -> str:
    kind, message = error.get("type") or "", str(error.get("message", ""))
    return f"{kind}: {message}" if kind else message
