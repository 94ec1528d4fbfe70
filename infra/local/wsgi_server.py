"""A WSGI server that runs one request at a time, in one thread.

moto's backends are not safe under threads: conditional writes and transactions lose updates even at the default
switch interval, and serialising them costs no throughput. So requests are read concurrently and answered in the
order in which they are complete, on the event loop's own thread.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any, cast
from urllib.parse import unquote_to_bytes

import httptools

WsgiApp = Callable[..., Iterable[bytes]]
BODY_MAX_BYTES = 512 * 1024 * 1024
"""More than any layer or package may have; beyond it a request is refused instead of filling the memory."""

HEADERS_MAX_BYTES = 64 * 1024


class WsgiProtocol(asyncio.Protocol):
    """One keep-alive connection.

    Args:
        app: Called on the loop's thread; while it runs, nothing else does.
        body_max_bytes: A larger body is answered with 413 and the connection is closed.
    """

    def __init__(self, app: WsgiApp, body_max_bytes: int = BODY_MAX_BYTES) -> None:
        self._app = app
        self._body_max_bytes = body_max_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._headers_bytes = 0
        self._body = bytearray()
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._refused:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            # Ours, not the caller's: nothing else raises while a request is read.
            traceback.print_exception(error.__context__ or error)
            self._refuse("500 Internal Server Error", "internal error; the local cloud's log has it")
        except httptools.HttpParserError as error:
            self._refuse("400 Bad Request", f"not HTTP: {error}")

    # What httptools calls while it parses.

    def on_message_begin(self) -> None:
        """Called by httptools."""
        self._target = b""
        self._headers = []
        self._headers_bytes = 0
        self._body = bytearray()

    def on_url(self, url: bytes) -> None:
        """Called by httptools, perhaps in pieces."""
        self._target += url
        self._count_header_bytes(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools."""
        self._headers.append((name, value))
        self._count_header_bytes(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """Called by httptools."""
        for name, value in self._headers:
            if name.lower() == b"expect" and value.lower() == b"100-continue" and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Called by httptools, in pieces."""
        if self._refused:
            return
        if len(self._body) + len(body) > self._body_max_bytes:
            self._refuse("413 Content Too Large", f"the body exceeds {self._body_max_bytes} bytes")
            return
        self._body += body

    def on_message_complete(self) -> None:
        """Called by httptools."""
        transport = self._transport
        if self._refused or transport is None or transport.is_closing():
            return
        method = self._parser.get_method().decode("latin-1")
        environ = make_environ(method, self._target, self._headers, bytes(self._body))
        self._body = bytearray()
        status, headers, body = run_app(self._app, environ)
        keep_alive = self._parser.should_keep_alive()
        transport.write(_serialise(method, status, headers, body, keep_alive=keep_alive))
        if not keep_alive:
            transport.close()

    def _count_header_bytes(self, size_bytes: int) -> None:
        self._headers_bytes += size_bytes
        if self._headers_bytes > HEADERS_MAX_BYTES and not self._refused:
            self._refuse("431 Request Header Fields Too Large", f"the headers exceed {HEADERS_MAX_BYTES} bytes")

    def _refuse(self, status: str, reason: str) -> None:
        self._refused = True
        if self._transport is not None:
            body = json.dumps({"message": reason}).encode()
            headers = [("Content-Type", "application/json")]
            self._transport.write(_serialise("GET", status, headers, body, keep_alive=False))
            self._transport.close()


def make_environ(method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> dict[str, Any]:
    """PEP 3333, plus what moto needs beyond it.

    `RAW_URI` keeps `%2F` in S3 keys apart from `/`; names with underscores (S3 metadata) stay out of the way of
    their dashed twins and are handed on as moto's own server does (its MotoRequestHandler).
    """
    from moto.core.request import (
        PRESERVED_HEADER_NAMES_ENVIRON_KEY,
        environ_key_for_header,
        should_preserve_original_header_name,
    )

    path, _, query = target.partition(b"?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "RAW_URI": target.decode("latin-1"),
        "REQUEST_URI": target.decode("latin-1"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        # httptools has decoded a chunked body; its size is known.
        "CONTENT_LENGTH": str(len(body)),
    }
    preserved: dict[str, str] = {}
    underscored: dict[str, list[str]] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        key = environ_key_for_header(name)
        if name.lower() in ("content-length", "transfer-encoding"):
            continue
        if "_" in name:
            if should_preserve_original_header_name(name):
                preserved.setdefault(key, name)
                underscored.setdefault(key, []).append(value)
            continue
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    for key, values in underscored.items():
        if key in environ:
            del preserved[key]
        else:
            environ[key] = ",".join(values)
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
    return environ


def run_app(app: WsgiApp, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Runs a WSGI application to its end; whatever it raises becomes a 500 with a JSON body, as AWS answers."""
    answer: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        del exc_info
        answer[:] = [(status, headers)]
        return _discard

    try:
        chunks = app(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        status, headers = answer[0]
    except Exception as error:  # noqa: BLE001 - moto's own defects must not end the server; they are shown to the caller
        traceback.print_exc()
        message = f"{type(error).__name__}: {error}"
        body = json.dumps({"__type": "InternalFailure", "message": message, "Message": message}).encode()
        return "500 Internal Server Error", [("Content-Type", "application/x-amz-json-1.0")], body
    return status, headers, body


def _discard(data: bytes) -> None:
    """PEP 3333's old `write`, which neither Flask nor we use."""
    del data


def _serialise(
    method: str, status: str, headers: list[tuple[str, str]], body: bytes, *, keep_alive: bool
) -> bytes:
    lines = [f"HTTP/1.1 {status}"]
    has_length = False
    for name, value in headers:
        lowered = name.lower()
        if lowered in ("connection", "transfer-encoding", "keep-alive"):
            continue
        if lowered == "content-length":
            # A HEAD's length is the object's; of any other answer, the body's.
            value = value if method == "HEAD" else str(len(body))  # noqa: PLW2901
            has_length = True
        lines.append(f"{name}: {value}")
    if not has_length:
        lines.append(f"Content-Length: {len(body)}")
    lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    return head if method == "HEAD" else head + body
