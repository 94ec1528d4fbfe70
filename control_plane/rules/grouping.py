"""Which failures are the same news: by type, normalised message and top frames of the plugin's own code."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services_ai_sdk.wire.failure import Failure

FRAMES_COMPARED = 3

_NAME = r"[A-Za-z_][\w.-]{0,63}"
_NAMES = rf"{_NAME}(?:, {_NAME}){{0,49}}"

# What is listed behind such words is what this call happened to have. One word behind any other colon is the news.
_LISTED = re.compile(
    rf"\b(there (?:is|are)|(?:available|known|allowed)(?: \w{{1,30}})?|one of|choose from): {_NAMES}",
    re.IGNORECASE,
)
_LIST = re.compile(rf"(?<=: ){_NAME}(?:, {_NAME}){{1,49}}(?=$|[.;)\]\n])")

_VARIABLE = (
    (re.compile(r"RequestId: [0-9a-f-]{36}"), "RequestId"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"), "<email>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<address>"),
    (re.compile(r"'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"|`[^`\n]{0,200}`"), "<text>"),
    (re.compile(r"\b[0-9a-f]{12,}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)


def normalise(message: str) -> str:
    """The message without what differs from one occurrence to the next."""
    text = _LIST.sub("<names>", _LISTED.sub(r"\1: <names>", message[:2000]))
    for pattern, name in _VARIABLE:
        text = pattern.sub(name, text)
    return " ".join(text.split())[:300]


def group_id(failure: Failure, plugin_id: str) -> str:
    """Twelve hex digits, the same for failures of one plugin that are the same news.

    Lines are named by function, not by number: an edit elsewhere in the file is no new error. Where the plugin's
    own code has no frame, the innermost frames of its libraries stand in.
    """
    frames = [frame for frame in failure.frames if frame.in_app] or list(failure.frames)
    places = [f"{frame.file}:{frame.function}" for frame in frames[-FRAMES_COMPARED:]]
    parts = [plugin_id, failure.type, normalise(failure.message), *places]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:12]
