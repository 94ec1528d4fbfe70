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
_LENGTH = re.compile(rb"\r\ncontent-length: ?([0-9]{1,8})(?=\r\n|$)", re.IGNORECASE)
_NOT_HERE = re.compile(
    rb"\r\n(?:transfer-encoding|expect|upgrade|connection|proxy-connection|te|trailer):", re.IGNORECASE
)


class Whole(NamedTuple):
    """One request, still as bytes.

    Attributes:
        header_lines: Each behind its own line end.
    """

    method: bytes
    target: bytes
    header_lines: bytes
    body: bytes

    def request(self) -> HttpRequest:
        """For whoever looks at its headers."""
        headers = _HEADER.findall(self.header_lines)
        return HttpRequest(self.method.decode(), self.target.decode(), headers, self.body)


def read_whole(data: bytes) -> Whole | None:
    """The request that `data` is, from its first byte to its last; None where the parser has to read it."""
    if len(data) > WHOLE_BYTES_MAX:
        return None
    head = _HEAD.match(data)
    if head is None:
        return None
    lines = head[3]
    length = _LENGTH.search(lines)
    if length is None or _NOT_HERE.search(lines) or lines.lower().count(b"\r\ncontent-length:") != 1:
        return None
    body = data[head.end() :]
    return Whole(head[1], head[2], lines, body) if int(length[1]) == len(body) else None


def whole_request(data: bytes) -> HttpRequest | None:
    """`read_whole`, with its headers told apart."""
    whole = read_whole(data)
    return whole.request() if whole is not None else None
