"""A stack trace as it travels: few frames, the plugin's own with their source."""

from __future__ import annotations

import linecache
from collections import deque
from types import TracebackType

from services_ai_sdk.plugin.paths import CodePaths
from services_ai_sdk.wire.failure import Frame
from services_ai_sdk.wire.redact import redact

OUTERMOST = 5
INNERMOST = 25
CONTEXT_LINES = 5
LINE_MAX_CHARS = 200


def frames_of(error: BaseException, paths: CodePaths, known_secrets: tuple[str, ...] = ()) -> tuple[Frame, ...]:
    """Outermost first; the middle of a long trace is left out, and so is our own runtime.

    A syntax error's place counts as its innermost frame: it has none of its own.
    """
    outer: list[tuple[str, int, str]] = []
    inner: deque[tuple[str, int, str]] = deque(maxlen=INNERMOST)
    step: TracebackType | None = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if not CodePaths.is_ours(code.co_filename):
            place = (code.co_filename, step.tb_lineno or code.co_firstlineno, code.co_qualname)
            if len(outer) < OUTERMOST:
                outer.append(place)
            else:
                inner.append(place)
        step = step.tb_next
    places = [*outer, *inner]
    if isinstance(error, SyntaxError) and isinstance(error.filename, str) and isinstance(error.lineno, int):
        places.append((error.filename, error.lineno, "<module>"))
    return tuple(_frame(*place, paths, known_secrets) for place in places)


def _frame(file: str, line: int, function: str, paths: CodePaths, known_secrets: tuple[str, ...]) -> Frame:
    in_app = paths.in_app(file)
    source = _source(file, line, known_secrets) if in_app else ()
    return Frame(_text(paths.shown(file), 300), line, _text(function, 200), in_app, source)


def _source(file: str, line: int, known_secrets: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    numbers = range(max(1, line - CONTEXT_LINES), line + CONTEXT_LINES + 1)
    lines = [(number, linecache.getline(file, number)) for number in numbers]
    return tuple(
        # Cut again afterwards: half a secret is no longer recognised.
        (number, redact(_text(text.rstrip(), 4 * LINE_MAX_CHARS), known_secrets, source=True)[:LINE_MAX_CHARS])
        for number, text in lines
        if text
    )


def _text(text: str, limit: int) -> str:
    return text[:limit].encode("utf-8", "replace").decode()
