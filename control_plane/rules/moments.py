"""Times as people read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))
_READ = {"d": 86_400, "h": 3600, "min": 60, "m": 60, "s": 1}
_SPAN = re.compile(r"(\d{1,6})\s*(d|h|min|m|s)")


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


def read_span(text: str) -> float | None:
    """Seconds of `90 s`, `15min`, `12h`, `7d`; None for anything else."""
    found = _SPAN.fullmatch(text.strip().lower())
    return int(found[1]) * float(_READ[found[2]]) if found else None


def read_moment(text: str) -> float | None:
    """Unix time of `2026-03-01` (its beginning) or `2026-03-01T14:05`, UTC unless it says otherwise; else None."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
