"""Both ends of a tunnel through the proxy: bytes pass as they are, no faster than the slower side takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

_HEAD_BYTES_MAX = 8192
_WORDS_MAX = 500
_REASONS = {403: "Forbidden", 431: "Request Header Fields Too Large", 502: "Bad Gateway", 503: "Busy"}

Ask = Callable[["InnerEnd", str, str], None]
"""Told an end, the method and the target of its request; answers with `answer` or `joins`, now or later."""


class _End(asyncio.Protocol):
    """What both have in common."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self.moved = True
        self.has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's."""
        self.transport = None
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            other.close()

    def data_received(self, data: bytes) -> None:
        """The loop's."""
        self.moved = True
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """The loop's. One side may end before the other has said all."""
        other = self.other
        if other is None or other.transport is None or other.has_ended:
            return False
        self.has_ended = True
        if other.transport.can_write_eof():
            other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        """The loop's: who reads here is slower than who writes there."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """The loop's."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def close(self) -> None:
        """Ends it, once what is on its way has been sent."""
        if self.transport is not None:
            self.transport.close()


class OuterEnd(_End):
    """Towards the host."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's. Nothing is read before it is joined: an answer must not come before the proxy's own."""
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()


class InnerEnd(_End):
    """Towards the worker.

    Args:
        ask: Told what it asks for.
        ends: Where it is kept while it lasts.
        connections_max: With this many there already, it is turned away.
        asks_within_s: For its request.
        idle_max_s: Without a byte in either direction; looked at this often, so that it may be up to twice that.
        lasts_max_s: In all.
    """

    def __init__(
        self,
        ask: Ask,
        ends: set[InnerEnd],
        *,
        connections_max: int,
        asks_within_s: float,
        idle_max_s: float,
        lasts_max_s: float,
    ) -> None:
        super().__init__()
        self._ask = ask
        self._ends = ends
        self._connections_max = connections_max
        self._asks_within_s = asks_within_s
        self._idle_max_s = idle_max_s
        self._lasts_max_s = lasts_max_s
        self._head: bytearray | None = bytearray()
        self._early = b""
        self._timers: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's."""
        super().connection_made(transport)
        if len(self._ends) >= self._connections_max:
            self._head = None
            self.answer(503, f"a worker may have {self._connections_max} connections at a time")
            return
        self._ends.add(self)
        loop = asyncio.get_running_loop()
        self._timers = [loop.call_later(self._asks_within_s, self._asked_too_late)]

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's."""
        self._ends.discard(self)
        for timer in self._timers:
            timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The loop's."""
        if self._head is None:
            super().data_received(data)
            return
        self._head += data
        head, end, early = bytes(self._head).partition(b"\r\n\r\n")
        if end:
            self._head, self._early = None, early
            assert self.transport is not None
            self.transport.pause_reading()
            method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
            self._ask(self, method, rest.partition(" ")[0])
        elif len(self._head) > _HEAD_BYTES_MAX:
            self._head = None
            self.answer(431, "the request's head is too long")

    def answer(self, status: int, words: str) -> None:
        """Says why there is no tunnel. In the status line too: that is what HTTP clients show."""
        if self.transport is None:
            return
        safe = "".join(each if " " <= each <= "~" else "?" for each in words)[:_WORDS_MAX]
        body = f"{safe}\n"
        self.transport.write(
            f"HTTP/1.1 {status} {_REASONS[status]}: {safe}\r\nContent-Type: text/plain\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        self.transport.close()

    def joins(self, outer: OuterEnd) -> None:
        """From now on it is the tunnel to that host."""
        if self.transport is None or self.transport.is_closing():
            outer.close()
            return
        if outer.transport is None:
            self.answer(502, "the host hung up at once")
            return
        self.other, outer.other = outer, self
        self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if self._early:
            outer.transport.write(self._early)
            self._early = b""
        self.transport.resume_reading()
        outer.transport.resume_reading()
        for timer in self._timers:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(self._idle_max_s, self._is_idle),
            loop.call_later(self._lasts_max_s, self.abort),
        ]

    def abort(self) -> None:
        """Ends it now, and the other end with it."""
        if self.transport is not None:
            self.transport.abort()

    def _asked_too_late(self) -> None:
        if self._head is not None:
            self.abort()

    def _is_idle(self) -> None:
        other = self.other
        if other is None or not (self.moved or other.moved):
            self.abort()
            return
        self.moved = other.moved = False
        self._timers[0] = asyncio.get_running_loop().call_later(self._idle_max_s, self._is_idle)
