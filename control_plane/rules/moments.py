"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def moment(at_s: float) -> str:
    """`2026-03-01 14:05:09 UTC`; what is no time is said to be unknown."""
    try:
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return "an unknown time"


def iso(at_s: float) -> str:
    """`2026-03-01T14:05:09Z`, for programs; empty for what is no time."""
    try:
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return ""


def span(seconds: float) -> str:
    """`340 ms`, `12 s`, `5 min`, `3 h`, `2 d`: one unit, rounded down."""
    seconds = abs(seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size_s, name in _UNITS:
        if seconds >= size_s:
            return f"{int(seconds // size_s)} {name}"
    return f"{int(seconds)} s"
