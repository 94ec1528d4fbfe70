"""What must not be kept with a failing payload."""

from __future__ import annotations

import re
from typing import Any

from services_ai_sdk.wire.redact import redact

REDACTED = "[redacted]"
TEXT_MAX_CHARS = 512 * 1024
"""Of all strings of one payload together: looking through more would keep a host waiting for its answer."""
_DEPTH_MAX = 30

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api_?key|private_?key|authori[sz]ation|credential|cookie|session_?id"
    r"|card_?number|\bcvv\b|\bcvc\b|iban|\bssn\b",
    re.IGNORECASE,
)


def redacted(value: Any) -> Any:
    """A copy of plain JSON without values whose name or shape says that they are secret.

    Text beyond `TEXT_MAX_CHARS` is replaced by its length.
    """
    return _Copy().of(value, 0)


class _Copy:
    def __init__(self) -> None:
        self._left_chars = TEXT_MAX_CHARS

    def of(self, value: Any, depth: int) -> Any:
        if depth > _DEPTH_MAX:
            return REDACTED
        if isinstance(value, dict):
            return {
                self._text(str(key)): REDACTED
                if _SECRET_NAME.search(str(key)[:200]) and item is not None
                else self.of(item, depth + 1)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.of(item, depth + 1) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        if len(text) > self._left_chars:
            return f"[not kept: {len(text):,} characters]"
        self._left_chars -= len(text)
        return redact(text)
