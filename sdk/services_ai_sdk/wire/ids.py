"""Identifiers of events and invocations."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable


def uuid7(now_ms: int, random_bytes: Callable[[int], bytes]) -> str:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits; sorts by time.

    Args:
        now_ms: Unix time in milliseconds.
        random_bytes: `os.urandom`, or a fixed source in tests.
    """
    raw = bytearray(now_ms.to_bytes(6, "big") + random_bytes(10))
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return str(uuid.UUID(bytes=bytes(raw)))


def invocation_id(event_id: str, plugin_id: str) -> str:
    """Stable over retries of one event for one plugin, and different for any other pair."""
    digest = hashlib.sha256(f"{event_id}\0{plugin_id}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))
