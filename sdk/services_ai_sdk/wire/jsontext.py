"""Strict JSON: what other languages read, and nothing that only Python writes."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from services_ai_sdk.wire.errors import InvalidInputError


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key!r} appears twice in one object")
            seen.add(key)
    return result


def loads(text: str | bytes, *, what: str) -> Any:
    """Parses strict JSON.

    Args:
        text: UTF-8 bytes or text; a byte order mark is refused.
        what: Names the input in the error: "the request", "manifest.json".

    Raises:
        InvalidInputError: Not UTF-8, not JSON, NaN or Infinity, a duplicate key, or nested too deeply.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidInputError(f"{what} is not valid JSON: {reason}", code="json-invalid") from error


def dumps(value: Any) -> str:
    """Compact strict JSON.

    Raises:
        TypeError: A value that is not JSON.
        ValueError: NaN, Infinity, or a structure that contains itself.
        RecursionError: Nested too deeply.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
