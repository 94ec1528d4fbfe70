"""How much of what one worker sends may be in memory at a time, over all its connections."""

from __future__ import annotations

import sys


class BodyBudget:
    """Bytes of requests that were read and not yet answered.

    Args:
        request_bytes_max: Of one request's body.
        held_bytes_max: Of all requests together, headers and bodies.
    """

    def __init__(self, request_bytes_max: int, held_bytes_max: int = sys.maxsize) -> None:
        self.request_bytes_max = request_bytes_max
        self.held_bytes = 0
        self._held_bytes_max = held_bytes_max

    def has_room(self, size_bytes: int) -> bool:
        """Whether so much more may come."""
        return self.held_bytes + size_bytes <= self._held_bytes_max

    def take(self, size_bytes: int) -> bool:
        """Counts what came; False when it is too much, and then it is not counted."""
        if not self.has_room(size_bytes):
            return False
        self.held_bytes += size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        """What is not held any more."""
        self.held_bytes -= size_bytes
