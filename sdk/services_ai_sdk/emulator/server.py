"""HTTP/1.1 on a loopback socket: requests in, one answer at a time out."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import httptools

from services_ai_sdk.emulator.body_budget import BodyBudget
from services_ai_sdk.emulator.direct_write import DirectWriter
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse, json_response, write_response
from services_ai_sdk.emulator.whole_request import Whole, read_whole

BODY_BYTES_MAX = 300 * 1024 * 1024
"""Above every upload that Lambda or S3 in one part takes here; what is larger is refused, not buffered."""
_TARGET_BYTES_MAX = 32 * 1024
_HEADER_BYTES_MAX = 64 * 1024
_STALLED_BYTES_MAX = 128 * 1024
"""What the parser may swallow without having got any further: it keeps an endless header to itself."""
_WAITING_MAX = 16
"""Requests sent ahead on one connection before it is no longer read."""
_INTERNAL_ERROR = "internal error; the local cloud's log has it"

Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
Respond = Callable[[HttpResponse], None]
ShortWay = Callable[[Whole, Callable[[bytes], None]], bool]
"""Takes a plain request without a task, if it can: True, and what it was given is called once, with all of the
answer's bytes."""


class _RefusedError(Exception):
    """What a caller sent is not taken: ends the parsing.

    Args:
        status: Of the answer.
        why: In the answer.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass(slots=True)
class _Turn:
    """One request on its way to its answer."""

    request: HttpRequest
    keep_alive: bool
    held_bytes: int
    answered: bool = False


class ServerConnection(asyncio.Protocol):
    """One connection. Requests that arrive together are answered in their order.

    Args:
        handler: Answers a request; what it raises becomes a 500.
        tasks: Keeps running tasks alive; shared by all connections.
        short_way: Tried before `handler`.
        budget: What may be in memory; shared by connections that share it.
    """

    def __init__(
        self,
        handler: Handler,
        tasks: set[asyncio.Task[None]],
        short_way: ShortWay | None = None,
        budget: BodyBudget | None = None,
    ) -> None:
        self._handler = handler
        self._short_way = short_way
        self._tasks = tasks
        self._budget = budget or BodyBudget(BODY_BYTES_MAX)
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._writer: DirectWriter | None = None
        self._request = HttpRequest("", "")
        self._body = bytearray()
        self._header_bytes = 0
        self._held_bytes = 0
        self._length = b""
        self._expects = False
        self._between = True
        self._stalled_bytes = 0
        self._got_further = False
        self._paused = False
        self._unread = False
        self._ended = False
        self._waiting: deque[_Turn] = deque()
        self._busy = False
        self._running: HttpRequest | None = None
        self._last_words: HttpResponse | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's."""
        self._transport = cast("asyncio.Transport", transport)
        self._writer = DirectWriter(transport)
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's. A call that runs goes on: its caller's hanging up does not stop a function."""
        self._transport = None
        self._drop_unanswered()
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
        if self._last_words is not None:
            return
        if self._between and not self._busy and not self._unread and (whole := read_whole(data)):
            if self._short_way is None or not self._take_short_way(self._short_way, whole):
                self._take_whole(whole.request(), len(data))
            return
        self._between = False
        self._got_further = False
        try:
            self._parser.feed_data(data)
            self._stalled_bytes = 0 if self._got_further else self._stalled_bytes + len(data)
            if self._stalled_bytes > _STALLED_BYTES_MAX:
                self._give_up(400, "the headers are too long")
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if isinstance(cause, _RefusedError):
                self._give_up(cause.status, cause.why)
            else:
                self._report("a request that was being read", cause or error)
                self._give_up(500, _INTERNAL_ERROR)
        except httptools.HttpParserError:
            self._give_up(400, "what was sent is no HTTP request")

    def _take_short_way(self, short_way: ShortWay, whole: Whole) -> bool:
        """Not in the budget: one request of at most `WHOLE_BYTES_MAX` a connection."""
        self._busy = True
        try:
            taken = short_way(whole, self._respond_bytes)
        except Exception as error:  # noqa: BLE001 - the same as in `_answer`
            self._report(f"{whole.method.decode()} {whole.target.decode()}", error)
            self._respond_bytes(write_response(_message(500, _INTERNAL_ERROR), head=False, close=False))
            return True
        if not taken:
            self._busy = False
        return taken

    def _respond_bytes(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            assert self._writer is not None
            self._writer.write(data)
        self._busy = False
        if self._waiting or self._paused or self._ended or self._last_words is not None:
            self._next()

    def _take_whole(self, request: HttpRequest, size_bytes: int) -> None:
        try:
            self._check_size(len(request.body))
            self._hold(size_bytes)
        except _RefusedError as refusal:
            self._give_up(refusal.status, refusal.why)
            return
        self._waiting.append(_Turn(request, True, self._held_bytes))
        self._held_bytes = 0
        self._next()

    def on_message_begin(self) -> None:
        """The parser's."""
        self._between = False
        self._request = HttpRequest("", "")
        self._body = bytearray()
        self._header_bytes = 0
        self._length = b""
        self._expects = False

    def on_url(self, url: bytes) -> None:
        """The parser's."""
        self._request.target += url.decode("latin-1")
        if len(self._request.target) > _TARGET_BYTES_MAX:
            raise _RefusedError(400, "the address is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _HEADER_BYTES_MAX:
            raise _RefusedError(400, "the headers are too long")
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
            raise _RefusedError(400, "there is nothing to upgrade to")
        announced = int(self._length) if self._length.isdigit() else 0
        self._check_size(announced)
        if not self._budget.has_room(announced):
            raise _no_room()
        self._hold(self._header_bytes + len(self._request.target))
        if self._expects and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """The parser's."""
        self._got_further = True
        self._check_size(len(self._body) + len(body))
        self._hold(len(body))
        self._body += body

    def on_message_complete(self) -> None:
        """The parser's."""
        self._got_further = True
        self._request.body = bytes(self._body)
        self._body = bytearray()
        self._waiting.append(_Turn(self._request, self._parser.should_keep_alive(), self._held_bytes))
        self._held_bytes = 0
        self._between = True
        if not self._busy:
            self._next()
        elif len(self._waiting) > _WAITING_MAX:
            self._pause_reading()

    def _check_size(self, size_bytes: int) -> None:
        most = self._budget.request_bytes_max
        if size_bytes > most:
            raise _RefusedError(413, f"the request is larger than {most} bytes")

    def _hold(self, size_bytes: int) -> None:
        if not self._budget.take(size_bytes):
            raise _no_room()
        self._held_bytes += size_bytes

    def _drop_unanswered(self) -> None:
        """What nobody will be answered is not held any longer."""
        self._budget.give_back(self._held_bytes + sum(turn.held_bytes for turn in self._waiting))
        self._held_bytes = 0
        self._body = bytearray()
        self._waiting.clear()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _next(self) -> None:
        self._busy = bool(self._waiting) and not self._unread
        if (
            self._paused
            and self._transport is not None
            and len(self._waiting) < 2
            and not self._unread
            and self._last_words is None
        ):
            self._paused = False
            self._transport.resume_reading()
        self._running = None
        if not self._busy:
            if not self._waiting:
                self._finish()
            return
        turn = self._waiting.popleft()
        respond = functools.partial(self._respond, turn)
        self._running = turn.request
        task = asyncio.get_running_loop().create_task(self._answer(turn.request, respond))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: HttpRequest, respond: Respond) -> None:
        try:
            response = await self._handler(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer and the loop its report
            self._report(f"{request.method} {request.path}", error)
            response = _message(500, _INTERNAL_ERROR)
        respond(response)

    def _respond(self, turn: _Turn, response: HttpResponse) -> None:
        if turn.answered:
            return
        turn.answered = True
        self._budget.give_back(turn.held_bytes)
        if self._transport is not None and not self._transport.is_closing():
            assert self._writer is not None
            self._writer.write(self._written(turn, response))
            if not turn.keep_alive:
                self._transport.close()
                self._drop_unanswered()
        self._next()

    def _written(self, turn: _Turn, response: HttpResponse) -> bytes:
        head, close = turn.request.method == "HEAD", not turn.keep_alive
        try:
            return write_response(response, head=head, close=close)
        except Exception as error:  # noqa: BLE001 - an answer that cannot be written is a defect like one that is raised
            self._report(f"the answer to {turn.request.method} {turn.request.path}", error)
            return write_response(_message(500, _INTERNAL_ERROR), head=head, close=close)

    def _give_up(self, status: int, why: str) -> None:
        """Reads no more. Whoever was asked before is answered before: this answer is for what came last."""
        self._last_words = _message(status, why)
        self._budget.give_back(self._held_bytes)
        self._held_bytes = 0
        self._body = bytearray()
        if self._busy or self._waiting:
            self._pause_reading()
        else:
            self._finish()

    def _finish(self) -> None:
        """The end of the connection, if it has come: nothing is left to be answered."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._last_words is not None:
            self._transport.write(write_response(self._last_words, head=False, close=True))
            self._transport.close()
        elif self._ended:
            self._transport.close()

    @staticmethod
    def _report(what: str, error: BaseException) -> None:
        asyncio.get_running_loop().call_exception_handler({"message": what, "exception": error})


def _message(status: int, text: str) -> HttpResponse:
    return json_response(status, json.dumps({"message": text}).encode())


def _no_room() -> _RefusedError:
    return _RefusedError(503, "too much was sent at once and is not answered yet; try again")
