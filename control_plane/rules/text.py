"""Text from plugins, made safe to store and to show."""

from __future__ import annotations

import re

_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)


def plain(text: str, max_chars: int) -> str:
    """`text` without terminal sequences, control characters, lone surrogates and what is no character.

    It is cut to `max_chars`.

    Newlines and tabs stay. What is cut is said.
    """
    cut = text[: max_chars * 4]
    cut = _CONTROL.sub("", cut).encode("utf-8", "replace").decode("utf-8")
    if len(cut) <= max_chars and len(text) <= max_chars * 4:
        return cut
    tail = f" … ({len(text)} characters)"
    return cut[: max(0, max_chars - len(tail))] + tail


def one_line(text: str, max_chars: int) -> str:
    """`plain` on one line."""
    joined = " ".join(plain(text, max_chars * 2).split())
    return joined if len(joined) <= max_chars else joined[: max_chars - 1] + "…"
