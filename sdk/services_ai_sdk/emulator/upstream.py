"""Keep-alive connections to the process that answers everything but Invoke."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import deque
from typing import cast

import httptools

from services_ai_sdk.emulator.http import HttpRequest, HttpResponse, json_response, write_request

_CONNECTIONS_MAX = 64
ANSWER_MAX_S = 120.0
"""More than any call behind it takes; the largest, a stack's deploy, takes seconds."""


class Upstream:
    """Sends requests on and brings answers back.

    Args:
        host: A loopback address.
        port: Its port.
        answer_max_s: How long one request may take, from here to the end of its answer.
    """

    def __init__(self, host: str, port: int, answer_max_s: float = ANSWER_MAX_S) -> None:
        self._address = (host, port)
        self._answer_max_s = answer_max_s
        self._idle: deque[_Connection] = deque()
        self._free = asyncio.Semaphore(_CONNECTIONS_MAX)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """One request, one answer; 502 where there is none, 504 where it takes too long."""
        try:
            async with asyncio.timeout(self._answer_max_s), self._free:
                connection = self._take() or await self._connect()
                response = await connection.send(request)
        except TimeoutError:
            text = f"the AWS stand-in behind this port did not answer within {self._answer_max_s:g} s"
            return json_response(504, json.dumps({"message": text}).encode())
        except OSError as error:
            text = f"the AWS stand-in behind this port does not answer: {type(error).__name__}"
            return json_response(502, json.dumps({"message": text}).encode())
        if connection.reusable:
            self._idle.append(connection)
        return response

    def close(self) -> None:
        """Closes what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, *self._address)
        return connection


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[HttpResponse] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._response = HttpResponse(0)
        self._body = bytearray()
        self._head = False
        self._keep_alive = True

    @property
    def reusable(self) -> bool:
        """Whether another request may go over it."""
        return self._keep_alive and self._transport is not None and not self._transport.is_closing()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """One request.

        Raises:
            ConnectionError: The other side went away.
        """
        if self._transport is None:
            raise ConnectionResetError("closed")
        self._answer = asyncio.get_running_loop().create_future()
        # A parser for each answer: one that has seen a HEAD's Content-Length waits for a body that never comes.
        self._parser = httptools.HttpResponseParser(self)
        self._response, self._body, self._head = HttpResponse(0), bytearray(), request.method == "HEAD"
        self._transport.write(write_request(request))
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """Closes it."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's."""
        self._transport = cast("asyncio.Transport", transport)
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the connection was closed before the answer"))

    def data_received(self, data: bytes) -> None:
        """The loop's."""
        if self._parser is None or self._answer is None or self._answer.done():
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._keep_alive = False
            if not self._answer.done():
                self._answer.set_exception(ConnectionAbortedError("the answer is no HTTP"))
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's."""
        self._response.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The parser's."""
        assert self._parser is not None
        self._response.status = self._parser.get_status_code()
        self._keep_alive = self._parser.should_keep_alive()
        if self._head:
            self._done()

    def on_body(self, body: bytes) -> None:
        """The parser's."""
        self._body += body

    def on_message_complete(self) -> None:
        """The parser's."""
        if not self._head:
            self._done()

    def _done(self) -> None:
        self._response.body = bytes(self._body)
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._response)
