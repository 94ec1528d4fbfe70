"""Events for functions that other services' calls made inside moto: kept here until the engine takes them."""

from __future__ import annotations

import json
import sys
from collections import deque
from typing import Any

TAKEN_AT_ONCE_MAX = 100
KEPT_MAX = 10_000

_outbox: deque[dict[str, str]] = deque()


def put(function_arn: str, event: dict[str, Any]) -> None:
    """Keeps an event; too many are said to be lost."""
    if len(_outbox) >= KEPT_MAX:
        sys.stderr.write(f"not delivered: {KEPT_MAX} events of topics and buckets wait already: {function_arn}\n")
        return
    _outbox.append({"function_arn": function_arn, "payload": json.dumps(event)})


def take(request: dict[str, Any]) -> list[dict[str, str]]:
    """`{}` → `[{function_arn, payload}]`, the oldest first; what was taken is the engine's."""
    del request
    return [_outbox.popleft() for _ in range(min(TAKEN_AT_ONCE_MAX, len(_outbox)))]
