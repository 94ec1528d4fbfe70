"""The WSGI server against a socket: what moto's process answers requests with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from infra.local.wsgi_server import WsgiProtocol, make_environ

Environ = dict[str, Any]


def echo(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Path", environ["PATH_INFO"])])
    return [environ["REQUEST_METHOD"].encode(), b" ", environ["RAW_URI"].encode(), b" ", body]


def exchange(app: Callable[..., Iterable[bytes]], sent: bytes, body_max_bytes: int = 1000) -> bytes:
    async def scenario() -> bytes:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: WsgiProtocol(app, body_max_bytes), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(sent)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

    return asyncio.run(asyncio.wait_for(scenario(), 10))


def test_answers_and_keeps_the_connection() -> None:
    one = b"GET /a%2Fb?c=d HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    answer = exchange(echo, one + two)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b"GET /a%2Fb?c=d " in answer
    assert b"X-Path: /a/b\r\n" in answer
    assert answer.endswith(b"POST /e abc")


def test_a_chunked_body_arrives_whole() -> None:
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    sent = head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert exchange(echo, sent).endswith(b"PUT / abcde")


def test_head_keeps_the_length_and_has_no_body() -> None:
    def head(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "12345")])
        return [b""]

    answer = exchange(head, b"HEAD /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 12345\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_an_exception_is_a_500_and_the_next_request_is_answered() -> None:
    def fails_once(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/bad":
            raise KeyError("defect")
        return echo(environ, start_response)

    answer = exchange(
        fails_once,
        b"GET /bad HTTP/1.1\r\nHost: x\r\n\r\nGET /good HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"KeyError" in answer
    assert answer.endswith(b"GET /good ")


def test_garbage_is_refused() -> None:
    assert exchange(echo, b"\x00\xff\x17garbage\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_body_beyond_the_limit_is_refused() -> None:
    sent = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000
    assert exchange(echo, sent).startswith(b"HTTP/1.1 413 ")


def test_endless_headers_are_refused() -> None:
    sent = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(80)) + b"\r\n"
    assert exchange(echo, sent).startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


def test_expect_continue_is_answered() -> None:
    sent = b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\nz"
    assert exchange(echo, sent).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_underscores_cannot_pose_as_dashes() -> None:
    headers = [(b"x_services_ai_key", b"forged"), (b"x-amz-meta-my_key", b"v")]
    environ = make_environ("GET", b"/", headers, b"")
    assert "HTTP_X_SERVICES_AI_KEY" not in environ
    assert environ["HTTP_X_AMZ_META_MY_KEY"] == "v"


def test_a_defect_while_a_request_is_read_is_shown_and_answered(capfd: pytest.CaptureFixture[str]) -> None:
    def no_headers(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", None)
        return [b""]

    assert exchange(no_headers, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 500 ")
    printed = capfd.readouterr().err
    assert "TypeError" in printed
    assert "_serialise" in printed
