"""What must not be kept with a failing payload."""

from __future__ import annotations

import re
from typing import Any

REDACTED = "[redacted]"
_DEPTH_MAX = 30

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api_?key|private_?key|authori[sz]ation|credential|cookie|session_?id"
    r"|card_?number|\bcvv\b|\bcvc\b|iban|\bssn\b",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"\bAKIA[0-9A-Z]{16}\b|\bASIA[0-9A-Z]{16}\b|\bBearer\s+[\w.~+/=-]{8,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bsk_(?:live|test)_\w{8,}|\bgh[pousr]_\w{20,}",
)


def redacted(value: Any, _depth: int = 0) -> Any:
    """A copy of plain JSON without values whose name or shape says that they are secret."""
    if _depth > _DEPTH_MAX:
        return REDACTED
    if isinstance(value, dict):
        return {
            key: REDACTED if _SECRET_NAME.search(str(key)) and item is not None else redacted(item, _depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [redacted(item, _depth + 1) for item in value]
    if isinstance(value, str):
        return _SECRET_VALUE.sub(REDACTED, value)
    return value
