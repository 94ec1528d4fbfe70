"""The Runtime API of one worker: what the runtime client asks for and answers to.

Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
"""

from __future__ import annotations

import asyncio
import re
import socket
from typing import NamedTuple, Protocol, cast

import httptools

from services_ai_sdk.emulator.answers import RESPONSE_BYTES_MAX
from services_ai_sdk.emulator.body_budget import BodyBudget
from services_ai_sdk.emulator.direct_write import DirectWriter
from services_ai_sdk.emulator.whole_request import WHOLE_BYTES_MAX, Whole, read_whole

HELD_BYTES_MAX = 2 * RESPONSE_BYTES_MAX
"""Of one worker's bodies that are still coming in: a response, and another by whoever plays the runtime."""
_PREFIX = b"/2018-06-01/runtime/"
_NEXT = _PREFIX + b"invocation/next"
_RESPONSE = re.compile(
    rb"(POST "
    + _PREFIX
    + rb"invocation/)[0-9a-f-]+(/response HTTP/1\.1\r\n.*\r\ncontent-length: ?)[0-9]+(\r\n.*)",
    re.IGNORECASE | re.DOTALL,
)
_HEAD_END = b"\r\n\r\n"
_ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"status":"OK"}\n'
)


class Answers(Protocol):
    """Who the API belongs to: the worker."""

    def running_id(self) -> str:
        """The request id of the event that runs, or nothing."""

    def asks_next(self, connection: RuntimeApiConnection) -> None:
        """The runtime is ready for an event."""

    def answers(self, request_id: str, body: bytes, size_bytes: int) -> bool:
        """The handler's response; False when it is for no running event."""

    def fails(self, request_id: str, body: bytes) -> bool:
        """The handler's error; False when it is for no running event."""

    def fails_init(self, body: bytes) -> bool:
        """The function could not be imported; False after init."""


class _AnswerHead(NamedTuple):
    """The head of a response, cut where the next one's differs: the runtime client sends the same each time."""

    before_id: bytes
    before_length: bytes
    after_length: bytes

    @classmethod
    def of(cls, data: bytes, whole: Whole) -> _AnswerHead | None:
        """From a whole request; None where it is no response, or its parts are not where they are cut."""
        match = _RESPONSE.fullmatch(data[: len(data) - len(whole.body)])
        return cls(*match.groups()) if match is not None else None

    def head(self, request_id: str, size_bytes: int) -> bytes:
        """As it would be for another event."""
        return b"%s%s%s%d%s" % (
            self.before_id,
            request_id.encode(),
            self.before_length,
            size_bytes,
            self.after_length,
        )


class _TooMuchError(Exception):
    """More than a runtime sends."""


class RuntimeApiConnection(asyncio.Protocol):
    """One connection of the runtime client.

    Args:
        owner: The worker.
        budget: What its connections may hold together.
    """

    def __init__(self, owner: Answers, budget: BodyBudget | None = None) -> None:
        self._owner = owner
        self._budget = budget or BodyBudget(RESPONSE_BYTES_MAX)
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = bytearray()
        self._size_bytes = 0
        self._between = True
        self._messages = 0
        self._asked_before = b""
        self._answered_before: _AnswerHead | None = None
        self._transport: asyncio.Transport | None = None
        self._writer: DirectWriter | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's."""
        self._transport = cast("asyncio.Transport", transport)
        self._writer = DirectWriter(transport)
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's."""
        self._transport = None
        self._drop_body()

    def pause_writing(self) -> None:
        """The loop's: the worker does not read its answers, and so is not read either."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The loop's."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """The loop's."""
        if self._between:
            if data == self._asked_before:
                # The runtime asks for its next event with the same bytes each time.
                self._owner.asks_next(self)
                return
            if self._answered_before is not None and self._takes_as_before(data, self._answered_before):
                return
            if whole := read_whole(data):
                self._answered_before = _AnswerHead.of(data, whole)
                self._take(whole.method, whole.target, whole.body, len(whole.body))
                return
        began_here, self._between, self._messages = self._between, False, 0
        try:
            self._parser.feed_data(data)
            if began_here and self._between and self._messages == 1 and self._url == _NEXT:
                self._asked_before = data
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__ or error
            if isinstance(cause, _TooMuchError):
                self._end(413, str(cause))
            else:
                asyncio.get_running_loop().call_exception_handler({"message": "Runtime API", "exception": cause})
                self._end(500, "internal error; the local cloud's log has it")
        except httptools.HttpParserError:
            self._end(400, "what was sent is no HTTP request")

    def _takes_as_before(self, data: bytes, before: _AnswerHead) -> bool:
        """A response with the head of an earlier one, but for its request id and its length."""
        request_id = self._owner.running_id()
        body = data[data.find(_HEAD_END) + len(_HEAD_END) :]
        head = before.head(request_id, len(body)) if request_id else b""
        if (
            not head
            or len(data) > WHOLE_BYTES_MAX
            or len(head) + len(body) != len(data)
            or not data.startswith(head)
        ):
            return False
        taken = self._owner.answers(request_id, body, len(body))
        assert taken, "the running event's own id"
        self._write(_ACCEPTED)
        return True

    def on_message_begin(self) -> None:
        """The parser's."""
        self._between = False
        self._drop_body()
        self._url, self._size_bytes = b"", 0

    def on_url(self, url: bytes) -> None:
        """The parser's."""
        self._url += url
        if len(self._url) > 4096:
            raise _TooMuchError("the address is too long")

    def on_body(self, body: bytes) -> None:
        """The parser's: counted to the end, kept up to Lambda's limit."""
        self._size_bytes += len(body)
        if self._size_bytes > RESPONSE_BYTES_MAX:
            self._drop_body()
        elif self._budget.take(len(body)):
            self._body += body
        else:
            raise _TooMuchError("too much was sent at once")

    def on_message_complete(self) -> None:
        """The parser's."""
        self._between = True
        self._messages += 1
        body = bytes(self._body)
        self._drop_body()
        self._take(self._parser.get_method(), self._url, body, self._size_bytes)

    def _take(self, method: bytes, url: bytes, body: bytes, size_bytes: int) -> None:
        """One request; `body` is empty where it was larger than is kept."""
        if url == _NEXT:
            self._owner.asks_next(self)
            return
        path = url.partition(b"?")[0]
        if not path.startswith(_PREFIX):
            self._refuse(404, "no such path")
            return
        parts = path[len(_PREFIX) :].split(b"/")
        match (method, *parts):
            case (b"POST", b"invocation", request_id, b"response"):
                taken = self._owner.answers(request_id.decode("latin-1"), body, size_bytes)
            case (b"POST", b"invocation", request_id, b"error"):
                taken = self._owner.fails(request_id.decode("latin-1"), body)
            case (b"POST", b"init", b"error"):
                taken = self._owner.fails_init(body)
            case _:
                self._refuse(404, "no such path")
                return
        if taken:
            self._write(_ACCEPTED)
        else:
            self._refuse(403, "no event with this id is running")

    def send_event(self, headers: str, payload: bytes) -> bool:
        """Answers the request for the next event; False when the runtime is gone."""
        if self._transport is None or self._transport.is_closing():
            return False
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(payload)}\r\n\r\n"
        )
        self._write(head.encode("latin-1") + payload)
        return True

    def _drop_body(self) -> None:
        self._budget.give_back(len(self._body))
        self._body = bytearray()

    def _end(self, status: int, why: str) -> None:
        self._refuse(status, why)
        self._drop_body()
        if self._transport is not None:
            self._transport.close()

    def _refuse(self, status: int, why: str) -> None:
        body = f'{{"errorType":"InvalidRequest","errorMessage":"{why}"}}'.encode()
        head = (
            f"HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._write(head.encode() + body)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and self._writer is not None:
            self._writer.write(data)
