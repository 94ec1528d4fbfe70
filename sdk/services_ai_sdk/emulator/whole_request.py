"""Reads a request that came in one piece and is as plain as clients here send them; anything else is the parser's.

Calling back into Python for each header costs several times as much. What is taken must be read as the parser
reads it, so little is: HTTP/1.1 with one Content-Length, no chunks, nothing about the connection.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from services_ai_sdk.emulator.http import HttpRequest

WHOLE_BYTES_MAX = 64 * 1024

_HEAD = re.compile(
    rb"(POST|PUT) (/[!-~]{0,4096}) HTTP/1\.1"
    rb"((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}: ?[\t -~\x80-\xff]*){1,64})\r\n\r\n"
)
_HEADER = re.compile(rb"\r\n([^:\r\n]+):[ \t]*([^\r\n]*)")
_FRAMING = re.compile(
    rb"\r\n(content-length|transfer-encoding|expect|upgrade|connection|proxy-connection|te|trailer): ?([^\r]*)"
)
_LENGTH_DIGITS_MAX = 8


class Whole(NamedTuple):
    """One request, still as bytes.

    Attributes:
        header_lines: Each behind its own line end.
        lowered: The same in lower case.
    """

    method: bytes
    target: bytes
    header_lines: bytes
    lowered: bytes
    body: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        """For whoever looks at them."""
        return _HEADER.findall(self.header_lines)

    def request(self) -> HttpRequest:
        """As the parser would have it."""
        return HttpRequest(self.method.decode(), self.target.decode(), self.headers(), self.body)


def read_whole(data: bytes) -> Whole | None:
    """The request that `data` is, from its first byte to its last; None where the parser has to read it."""
    if len(data) > WHOLE_BYTES_MAX:
        return None
    head = _HEAD.match(data)
    if head is None:
        return None
    method, target, lines = head.groups()
    lowered = lines.lower()
    framing = _FRAMING.findall(lowered)
    if len(framing) != 1:
        return None
    ((name, length),) = framing
    if name != b"content-length" or not length.isdigit() or len(length) > _LENGTH_DIGITS_MAX:
        return None
    body = data[head.end() :]
    return Whole(method, target, lines, lowered, body) if int(length) == len(body) else None
