"""How large DynamoDB counts an item: its limits and capacity units come from it.

By AWS's Developer Guide, "DynamoDB item sizes and formats".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

ITEM_MAX_BYTES = 400 * 1024


def item_size_bytes(attributes: Mapping[str, Any]) -> int:
    """Of names and values; each value as in a request, or moto's own object of it."""
    return sum(_text(name) + value_size_bytes(value) for name, value in attributes.items())


def value_size_bytes(value: Any) -> int:
    """Of one value, without its name."""
    kind, content = (value.type, value.value) if hasattr(value, "type") else next(iter(value.items()))
    return _size(kind, content)


def _size(kind: str, content: Any) -> int:
    if kind in ("SS", "NS", "BS"):
        return sum(_size(kind[0], one) for one in content)
    if kind == "L":
        return 3 + sum(1 + value_size_bytes(one) for one in content)
    if kind == "M":
        return 3 + sum(1 + _text(name) + value_size_bytes(one) for name, one in content.items())
    if kind == "S":
        return _text(content)
    if kind == "B":
        return len(content if isinstance(content, bytes) else base64.b64decode(content))
    return _number(str(content)) if kind == "N" else 1


def _text(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _number(text: str) -> int:
    """A byte for two significant digits, one more, and one for a minus."""
    mantissa = text.lower().partition("e")[0]
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    digits = (whole + fraction).strip("0")
    return (len(digits) + 1) // 2 + 1 + mantissa.startswith("-")
