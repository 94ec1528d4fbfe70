"""HTTP/1.1 on a loopback socket: requests in, one answer at a time out."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

import httptools

from services_ai_sdk.emulator.http import HttpRequest, HttpResponse, json_response, write_response

BODY_BYTES_MAX = 300 * 1024 * 1024
"""Above every upload that Lambda or S3 in one part takes here; what is larger is refused, not buffered."""
_TARGET_BYTES_MAX = 32 * 1024
_HEADER_BYTES_MAX = 64 * 1024
_STALLED_BYTES_MAX = 128 * 1024
"""What the parser may swallow without having got any further: it keeps an endless header to itself."""
_WAITING_MAX = 16
"""Requests sent ahead on one connection before it is no longer read."""

Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
Respond = Callable[[HttpResponse], None]
ShortWay = Callable[[HttpRequest, Respond], bool]
"""Takes a request without a task, if it can: True, and `Respond` is called once, later."""


class ServerConnection(asyncio.Protocol):
    """One connection. Requests that arrive together are answered in their order.

    Args:
        handler: Answers a request; what it raises becomes a 500.
        tasks: Keeps running tasks alive; shared by all connections.
        short_way: Tried before `handler`.
    """

    def __init__(
        self, handler: Handler, tasks: set[asyncio.Task[None]], short_way: ShortWay | None = None
    ) -> None:
        self._handler = handler
        self._short_way = short_way
        self._tasks = tasks
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._request = HttpRequest("", "")
        self._body = bytearray()
        self._header_bytes = 0
        self._length = b""
        self._expects = False
        self._too_large = False
        self._stalled_bytes = 0
        self._got_further = False
        self._paused = False
        self._unread = False
        self._ended = False
        self._waiting: deque[tuple[HttpRequest, bool]] = deque()
        self._busy = False
        self._running: HttpRequest | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's."""
        self._transport = cast("asyncio.Transport", transport)
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's. A call that runs goes on: its caller's hanging up does not stop a function."""
        self._transport = None
        self._waiting.clear()
        self._tell_of_hang_up()

    def eof_received(self) -> bool:
        """The loop's. A caller that sends no more still gets what it asked for."""
        self._ended = True
        self._tell_of_hang_up()
        return self._busy

    def _tell_of_hang_up(self) -> None:
        if self._running is not None and self._running.on_hang_up is not None:
            self._running.on_hang_up()

    def pause_writing(self) -> None:
        """The loop's: the caller does not read its answers. It gets no more of them until it does."""
        self._unread = True
        self._pause_reading()

    def resume_writing(self) -> None:
        """The loop's."""
        self._unread = False
        if not self._busy:
            self._next()

    def data_received(self, data: bytes) -> None:
        """The loop's."""
        self._got_further = False
        try:
            self._parser.feed_data(data)
            self._stalled_bytes = 0 if self._got_further else self._stalled_bytes + len(data)
            if self._stalled_bytes > _STALLED_BYTES_MAX:
                self._give_up(400, "the headers are too long")
        except httptools.HttpParserError:
            if self._too_large:
                self._give_up(413, f"the request is larger than {BODY_BYTES_MAX} bytes")
            else:
                self._give_up(400, "what was sent is no HTTP request")

    def on_message_begin(self) -> None:
        """The parser's."""
        self._request = HttpRequest("", "")
        self._body = bytearray()
        self._header_bytes = 0
        self._length = b""
        self._expects = False

    def on_url(self, url: bytes) -> None:
        """The parser's."""
        self._request.target += url.decode("latin-1")
        if len(self._request.target) > _TARGET_BYTES_MAX:
            raise ValueError("the address is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _HEADER_BYTES_MAX:
            raise ValueError("the headers are too long")
        self._request.headers.append((name, value))
        # The only two that matter here; a look at the length spares the others the lower-casing.
        if len(name) == 14 and name.lower() == b"content-length":
            self._length = value
        elif len(name) == 6 and name.lower() == b"expect":
            self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """The parser's."""
        self._got_further = True
        self._request.method = self._parser.get_method().decode("latin-1")
        if self._parser.should_upgrade():
            raise ValueError("there is nothing to upgrade to")
        if self._length.isdigit() and int(self._length) > BODY_BYTES_MAX:
            self._too_large = True
            raise ValueError("the body is too large")
        if self._expects and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """The parser's."""
        self._got_further = True
        self._body += body
        if len(self._body) > BODY_BYTES_MAX:
            self._too_large = True
            raise ValueError("the body is too large")

    def on_message_complete(self) -> None:
        """The parser's."""
        self._got_further = True
        self._request.body = bytes(self._body)
        self._body = bytearray()
        self._waiting.append((self._request, self._parser.should_keep_alive()))
        if not self._busy:
            self._next()
        elif len(self._waiting) > _WAITING_MAX:
            self._pause_reading()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _next(self) -> None:
        self._busy = bool(self._waiting) and not self._unread
        if self._paused and self._transport is not None and len(self._waiting) < 2 and not self._unread:
            self._paused = False
            self._transport.resume_reading()
        self._running = None
        if not self._busy:
            if self._ended and self._transport is not None and not self._waiting:
                self._transport.close()
            return
        request, keep_alive = self._waiting.popleft()
        respond = functools.partial(self._respond, head=request.method == "HEAD", keep_alive=keep_alive)
        if self._short_way is not None and self._short_way(request, respond):
            return
        self._running = request
        task = asyncio.get_running_loop().create_task(self._answer(request, respond))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: HttpRequest, respond: Respond) -> None:
        try:
            response = await self._handler(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer and the loop its report
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"{request.method} {request.path}", "exception": error}
            )
            response = json_response(500, b'{"message":"internal error; the local cloud\'s log has it"}')
        respond(response)

    def _respond(self, response: HttpResponse, *, head: bool, keep_alive: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(write_response(response, head=head, close=not keep_alive))
            if not keep_alive:
                self._transport.close()
                self._waiting.clear()
        self._next()

    def _give_up(self, status: int, why: str) -> None:
        if self._transport is None:
            return
        body = f'{{"message":"{why}"}}'.encode()
        self._transport.write(write_response(json_response(status, body), head=False, close=True))
        self._transport.close()
        self._waiting.clear()
