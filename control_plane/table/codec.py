"""Plain values ↔ DynamoDB's attribute values. Structures are kept as JSON text: nothing queries inside them."""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

Plain = str | int | float | bool | bytes | frozenset[str] | None
Item = dict[str, Any]


def encode(value: Plain) -> dict[str, Any]:
    """One attribute value.

    Raises:
        TypeError: A type that the table does not hold, or an empty set, which DynamoDB has not.
        ValueError: NaN or infinity.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} is no DynamoDB number")
            return {"N": repr(value)}
        case str():
            return {"S": value.encode("utf-8", "replace").decode("utf-8")}
        case bytes():
            return {"B": value}
        case frozenset() if value:
            return {"SS": sorted(value)}
    raise TypeError(f"the table does not hold {type(value).__name__} {value!r}")


def encode_item(item: Mapping[str, Plain]) -> dict[str, Any]:
    """A whole item."""
    return {name: encode(value) for name, value in item.items()}


def decode(value: Mapping[str, Any]) -> Any:
    """One plain value; from a client's answer as from a stream record.

    Raises:
        TypeError: A type that the table never holds.
    """
    ((kind, raw),) = value.items()
    match kind:
        case "S" | "BOOL":
            return raw
        case "B":
            # A client answers bytes; Lambda hands a stream record over as JSON, with binary values in base64.
            return b64decode(raw) if isinstance(raw, str) else bytes(raw)
        case "N":
            return float(raw) if any(mark in raw for mark in ".eE") else int(raw)
        case "SS":
            return frozenset(raw)
        case "NULL":
            return None
    raise TypeError(f"the table never holds the attribute type {kind}")


def decode_item(item: Mapping[str, Mapping[str, Any]]) -> Item:
    """A whole item."""
    return {name: decode(value) for name, value in item.items()}
