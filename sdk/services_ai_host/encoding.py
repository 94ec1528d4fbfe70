"""What a host's models are made of, as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from services_ai_sdk.wire.errors import InvalidInputError

_DEPTH_MAX = 100


def encode_request(request: dict[str, Any]) -> bytes:
    """The request as UTF-8 JSON. Dates become ISO 8601, Decimal and UUID become strings.

    Raises:
        InvalidInputError: A value that has no JSON form; the message names the argument and the value's type.
    """
    try:
        text = json.dumps(request, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        found = _culprit(request.get("args", {}), "")
        raise InvalidInputError(
            f"the hook's arguments cannot be sent: {found or error}",
            code="arguments-not-json",
            hint="pass dicts, lists, strings, numbers, dates; turn model instances into dicts first",
        ) from error


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"{_type(value)} has no JSON form")


def _culprit(value: Any, place: str, depth: int = 0) -> str:
    """`lead.created_by is a builtins.set, …`: the first value that has no JSON form; empty where none is found."""
    if depth > _DEPTH_MAX:
        return f"{place[:200]} is nested too deeply, or contains itself"
    if isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str | int | float | bool | None):
                return f"{place or 'the arguments'} has a key of type {_type(key)}, which has no JSON form"
            found = _culprit(one, f"{place}.{key}" if place else str(key), depth + 1)
            if found:
                return found
        return ""
    if isinstance(value, list | tuple):
        inside = (_culprit(one, f"{place}[{at}]", depth + 1) for at, one in enumerate(value))
        return next(filter(None, inside), "")
    try:
        json.dumps(value, default=_plain, allow_nan=False, ensure_ascii=False).encode()
    except TypeError:
        return f"{place} is a {_type(value)}, which has no JSON form"
    except ValueError as error:
        return f"{place}: {error}"
    return ""


def _type(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
