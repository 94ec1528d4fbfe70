"""The quick reader takes nothing that the parser would read otherwise."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services_ai_sdk.emulator.http import HttpRequest
from services_ai_sdk.emulator.whole_request import WHOLE_BYTES_MAX, read_whole

PLAIN = (
    b"POST /2015-03-31/functions/a%3Ab/invocations?Qualifier=live HTTP/1.1\r\nHost: 127.0.0.1:4599\r\n"
    b"User-Agent: Boto3/1.40 md/Botocore#1.40 \r\nX-Amz-Date:20261124T120000Z\r\n"
    b"Authorization:  AWS4-HMAC-SHA256 x=y, z\r\n"
    b'amz-sdk-invocation-id: 0190\r\nContent-Length: 7\r\n\r\n{"a":1}'
)


def whole_request(data: bytes) -> HttpRequest | None:
    """As the server takes it."""
    whole = read_whole(data)
    return whole.request() if whole is not None else None


class Parsed:
    """What httptools makes of the same bytes."""

    def __init__(self, data: bytes) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.complete = 0
        self.began = 0
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        self.method = parser.get_method()
        self.keep_alive = parser.should_keep_alive()
        self.upgrade = parser.should_upgrade()

    def on_message_begin(self) -> None:
        self.began += 1

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1


def check(data: bytes) -> bool:
    """Whether it was taken; then both must agree on everything."""
    taken = whole_request(data)
    if taken is None:
        return False
    parsed = Parsed(data)
    assert (parsed.began, parsed.complete, parsed.keep_alive, parsed.upgrade) == (1, 1, True, False)
    assert taken.method.encode() == parsed.method
    assert taken.target.encode() == parsed.target
    assert taken.headers == parsed.headers
    assert taken.body == parsed.body
    return True


def test_what_clients_send_is_taken() -> None:
    assert check(PLAIN)
    assert check(b"PUT /b/k HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"POST ", b"GET "),
        (b"POST ", b"post "),
        (b"POST /", b"POST  /"),
        (b"Content-Length: 7", b"Content-Length: 8"),
        (b"Content-Length: 7", b"Content-Length: 6"),
        (b"Content-Length: 7", b"Content-Length: +7"),
        (b"Content-Length: 7", b"Content-Length: 7, 7"),
        (b"Content-Length: 7", b"Content-Length: 7\r\nContent-Length: 7"),
        (b"Content-Length: 7", b"Content-Length: 7\r\ncontent-length: x"),
        (b"Content-Length: 7", b"Content-Length: 7\r\nTransfer-Encoding: chunked"),
        (b"Content-Length: 7", b"Transfer-Encoding: chunked"),
        (b"Content-Length: 7", b"Content-Length: 7\r\nConnection: close"),
        (b"Content-Length: 7", b"Content-Length: 7\r\nconnection: keep-alive"),
        (b"Content-Length: 7", b"Content-Length: 7\r\nExpect: 100-continue"),
        (b"Content-Length: 7", b"Content-Length: 7\r\nUpgrade: websocket"),
        (b"Host: ", b"Host : "),
        (b"Host: ", b" Host: "),
        (b"Host: 127", b"Host: \r\n 127"),
        (b"Host: 127", b"Host: \x00127"),
        (b"Host: 127", b"H\xf6st: 127"),
        (b"\r\nHost", b"\nHost"),
        (b"\r\n\r\n{", b"\n\n{"),
        (b"\r\n\r\n{", b"\r\n{"),
        (b'{"a":1}', b'{"a":1}POST / HTTP/1.1\r\n\r\n'),
    ],
)
def test_what_is_odd_is_the_parsers(before: bytes, after: bytes) -> None:
    assert before in PLAIN
    assert not check(PLAIN.replace(before, after, 1))


def test_a_part_of_a_request_is_the_parsers() -> None:
    for length in range(len(PLAIN)):
        assert whole_request(PLAIN[:length]) is None
    large = b"x" * WHOLE_BYTES_MAX
    assert whole_request(PLAIN.replace(b": 7", b": %d" % len(large)).replace(b'{"a":1}', large)) is None


@settings(max_examples=3000, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(PLAIN) - 1),
            st.sampled_from(
                [b"", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\x00", b"\xff", b"7", b"content-length: 7\r\n"]
            ),
            st.integers(0, 3),
        ),
        min_size=1,
        max_size=3,
    )
)
@example([(0, b"", 0)])
def test_whatever_is_taken_the_parser_reads_alike(changes: list[tuple[int, bytes, int]]) -> None:
    data = PLAIN
    for at, piece, removed in changes:
        data = data[:at] + piece + data[at + removed :]
    try:
        check(data)
    except httptools.HttpParserError:
        raise AssertionError(f"taken, and the parser refuses it: {data!r}") from None
