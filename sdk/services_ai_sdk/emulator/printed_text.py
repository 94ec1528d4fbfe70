"""What a function printed, made safe to stand beside the lines that Lambda itself writes.

Whoever reads a log, a person or a program, tells Lambda's lines (START, END, REPORT, INIT_REPORT, in JSON
`platform.…`) by how they begin. A function that prints such a line would speak for the platform; one that prints
escape sequences would speak to the reader's terminal.
"""

from __future__ import annotations

import json
import re
from typing import Any

MARK = "\\"
"""Before a printed line that looks like one of Lambda's own: none of those begins so."""

# Tabs stay. Beyond ASCII: C1, line and paragraph separators, and what turns the direction of text round.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_UNSEEN = r"[\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]*"
_LIKE_LAMBDAS = re.compile(
    _UNSEEN + r"(?:(?:START|END|REPORT|XRAY)\s+\w+Id:|INIT_(?:START|REPORT)\b|RequestId:|EXTENSION\s|TELEMETRY\s"
    r"|\[\d+ more bytes of output)"
)
_MAY_BE_JSON = re.compile(_UNSEEN + r"\{")
_PLATFORM_TYPE = re.compile(r'"type"\s*:\s*"platform\.')


def printed_text(text: str) -> str:
    r"""One line as it is kept: control characters written out as `\x1b`, and marked where it imitates Lambda's."""
    if _CONTROL.search(text):
        text = _CONTROL.sub(_written_out, text)
    if _LIKE_LAMBDAS.match(text) or _imitates_json(text):
        return MARK + text
    return text


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _imitates_json(text: str) -> bool:
    # A key or a value may be written with escapes: only a parser knows.
    if not _MAY_BE_JSON.match(text) or not ("platform." in text or "\\u" in text):
        return False
    try:
        # Pairs, not dicts: of two keys alike, a reader may take either.
        outermost = json.loads(text[text.index("{") :], object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return _PLATFORM_TYPE.search(text) is not None
    return any(
        key == "type" and isinstance(value, str) and value.startswith("platform.") for key, value in outermost
    )


class _Pairs(list[tuple[str, Any]]):
    """An object as its pairs; a class of its own, which no JSON array becomes."""
