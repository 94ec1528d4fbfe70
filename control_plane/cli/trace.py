"""A failure's trace as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from control_plane.rules.text import plain
from control_plane.rules.wording import headline, process_ended

if TYPE_CHECKING:
    from services_ai_sdk.wire.failure import Failure, Frame


def trace_lines(failure: Failure) -> list[str]:
    """Outermost frame first, then what was raised; the plugin's own frames with their code."""
    lines = []
    for frame in failure.frames:
        lines.append(plain(f"{frame.file}:{frame.line} in {frame.function}", 500))
        lines += _code(frame)
    if not failure.frames and process_ended(failure.type):
        lines.append("(no trace: the process itself ended)")
    return [*lines, plain(headline(failure.type, failure.message), 2200)]


def _code(frame: Frame) -> list[str]:
    return [
        f"  {'>' if number == frame.line else ' '} {number:4}  {plain(text, 200)}".rstrip()
        for number, text in frame.source
    ]
