"""Requests and answers as the front hands them round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from services_ai_sdk.emulator.spec import FunctionSpec

Headers = list[tuple[bytes, bytes]]
"""Names as they came (compare lower-cased), values without line ends."""


@dataclass(slots=True)
class HttpRequest:
    """One request that is not an Invoke.

    Args:
        method: `GET`, `POST` …
        target: Raw path with its query, percent-escapes untouched.
        headers: As they came.
        body: Whole body, chunked transfer undone.
        identity: The function whose worker sent it, or None from outside.
        on_hang_up: Called when whoever sent it sends no more or is gone before it is answered; set by who cares.
    """

    method: str
    target: str
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    identity: FunctionSpec | None = None
    on_hang_up: Callable[[], None] | None = None

    @property
    def path(self) -> str:
        """The raw path without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str, default: str = "") -> str:
        """The first value of a header, whatever its case."""
        return find_header(self.headers, name, default)


@dataclass(slots=True)
class HttpResponse:
    """One answer. Content-Length is written from the body, except for HEAD, where the given header stays.

    Args:
        status: HTTP status.
        headers: Names and values.
        body: All of it.
    """

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str, default: str = "") -> str:
        """The first value of a header, whatever its case."""
        return find_header(self.headers, name, default)


Forward = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""The rest of the way to the upstream."""

Middleware = Callable[[HttpRequest, Forward], Awaitable[HttpResponse]]
"""Sees every request that is not an Invoke; answers itself or awaits `forward(request)`."""

_CONNECTION_HEADERS = frozenset(
    b"connection content-length expect keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
)
_REASONS = {status.value: status.phrase for status in HTTPStatus}


def find_header(headers: Headers, name: str, default: str = "") -> str:
    """The first value of a header, whatever its case."""
    wanted = name.lower().encode("latin-1")
    for key, value in headers:
        if key.lower() == wanted:
            return value.decode("latin-1")
    return default


def end_to_end(headers: Headers) -> Headers:
    """The headers that are not about one connection."""
    return [(key, value) for key, value in headers if key.lower() not in _CONNECTION_HEADERS]


def write_request(request: HttpRequest) -> bytes:
    """The bytes of a request for a keep-alive connection."""
    lines = [f"{request.method} {request.target} HTTP/1.1".encode("latin-1")]
    lines += [key + b": " + value for key, value in end_to_end(request.headers)]
    lines.append(b"Content-Length: %d" % len(request.body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body


def write_response(response: HttpResponse, *, head: bool, close: bool) -> bytes:
    """The bytes of an answer, head and body in one piece."""
    reason = _REASONS.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {reason}".encode("latin-1")]
    lines += [key + b": " + value for key, value in end_to_end(response.headers)]
    bodiless = response.status in (204, 304) or response.status < 200
    if head:
        length = response.header("content-length")
        lines.append(b"Content-Length: %d" % (int(length) if length.isdigit() else len(response.body)))
    elif not bodiless:
        lines.append(b"Content-Length: %d" % len(response.body))
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + (b"" if head or bodiless else response.body)


def json_response(status: int, body: bytes, **headers: str) -> HttpResponse:
    """A JSON answer; keyword names become header names with `_` as `-`."""
    pairs: Headers = [(b"Content-Type", b"application/json")]
    pairs += [
        (key.replace("_", "-").encode(), value.encode("latin-1", "replace")) for key, value in headers.items()
    ]
    return HttpResponse(status, pairs, body)
