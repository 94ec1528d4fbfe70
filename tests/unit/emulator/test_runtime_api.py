"""Responses are read by the head that the first one had; what is not one more of them is the parser's."""

from __future__ import annotations

from typing import Any, cast

import pytest

from services_ai_sdk.emulator.runtime_api import RuntimeApiConnection

FIRST, SECOND = "0190aaaa-0000-4000-a000-000000000001", "0190aaaa-0000-4000-a000-000000000002"


def response(request_id: str = SECOND, body: bytes = b'{"n":2}', what: str = "response") -> bytes:
    return (
        f"POST /2018-06-01/runtime/invocation/{request_id}/{what} HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n"
        f"Accept: */*\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Owner:
    """Takes what is for the event that runs."""

    def __init__(self) -> None:
        self.running = ""
        self.seen: list[tuple[Any, ...]] = []

    def running_id(self) -> str:
        return self.running

    def asks_next(self, connection: RuntimeApiConnection) -> None:
        self.seen.append(("next",))

    def answers(self, request_id: str, body: bytes, size_bytes: int) -> bool:
        self.seen.append(("answers", request_id, body, size_bytes))
        return request_id == self.running

    def fails(self, request_id: str, body: bytes) -> bool:
        self.seen.append(("fails", request_id, body))
        return request_id == self.running

    def fails_init(self, body: bytes) -> bool:
        return False


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> None:
        return None


def after_one(sent: bytes, running: str, *, pieces: bool) -> tuple[list[tuple[Any, ...]], bytes, bool]:
    """What becomes of `sent` on a connection that had one response; in pieces it is the parser that reads."""
    owner, transport = Owner(), Transport()
    connection = RuntimeApiConnection(owner)
    connection.connection_made(cast("Any", transport))
    owner.running = FIRST
    connection.data_received(response(FIRST, b"[]"))
    assert owner.seen == [("answers", FIRST, b"[]", 2)]
    owner.running = running
    for piece in [sent[:5], sent[5:]] if pieces else [sent]:
        connection.data_received(piece)
    return owner.seen[1:], transport.written, transport.closed


@pytest.mark.parametrize("running", [SECOND, FIRST, ""])
@pytest.mark.parametrize(
    "sent",
    [
        response(),
        response(body=b""),
        response(body=b"\r\n\r\n"),
        response(body=b"x" * 60_000),
        response(what="error"),
        response(request_id=""),
        response(request_id=SECOND + "/response HTTP/1.1\r\nX: "),
        response().replace(b"Content-Length: 7", b"Content-Length: 07"),
        response().replace(b"Content-Length: 7", b"Content-Length: 6"),
        response().replace(b"Content-Length: 7", b"Content-Length: 8"),
        response().replace(b"Content-Length: 7", b"Content-Length: 7\r\nX-More: 1"),
        response().replace(b"Content-Length: 7", b"Transfer-Encoding: chunked"),
        response() + response(),
        response().replace(b"POST", b"PUT"),
        response().replace(b"\r\nAccept: */*", b""),
    ],
)
def test_what_follows_a_response_is_read_as_the_parser_reads_it(sent: bytes, running: str) -> None:
    assert after_one(sent, running, pieces=False) == after_one(sent, running, pieces=True)


def test_one_more_response_is_taken() -> None:
    seen, written, closed = after_one(response(), SECOND, pieces=False)
    assert seen == [("answers", SECOND, b'{"n":2}', 7)]
    assert written.count(b"HTTP/1.1 202 ") == 2
    assert not closed
