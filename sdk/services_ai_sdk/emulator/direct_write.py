"""Sends what is small at once: uvloop sends at the end of a turn, after all that its callbacks still do."""

from __future__ import annotations

import asyncio
import os
from typing import cast

DIRECT_BYTES_MAX = 64 * 1024
"""What fits a loopback socket's buffer as a rule; more is the transport's business."""


class DirectWriter:
    """Writes to one socket, past its transport where that has nothing to send itself.

    Args:
        transport: Of a stream socket.
    """

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        opened = transport.get_extra_info("socket")
        self._fd: int = opened.fileno() if opened is not None else -1

    def write(self, data: bytes) -> None:
        """As the transport's `write`; what the kernel does not take at once, and every error, is left to that."""
        transport = self._transport
        if (
            self._fd >= 0
            and len(data) <= DIRECT_BYTES_MAX
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        ):
            try:
                sent = os.write(self._fd, data)
            except OSError:
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)
