"""What a host's models are made of, as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from services_ai_sdk.wire.errors import InvalidInputError


def encode_request(request: dict[str, Any]) -> bytes:
    """The request as UTF-8 JSON. Dates become ISO 8601, Decimal and UUID become strings.

    Raises:
        InvalidInputError: A value that has no JSON form; the message names its type.
    """
    try:
        text = json.dumps(request, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"the hook's arguments cannot be sent: {error}",
            code="arguments-not-json",
            hint="pass dicts, lists, strings, numbers, dates; turn model instances into dicts first",
        ) from error


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} has no JSON form")
