"""Errors of our own while a request is read or answered: reported with their trace, answered with 500, no hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from services_ai_sdk.emulator.http import HttpRequest, HttpResponse
from services_ai_sdk.emulator.runtime_api import RuntimeApiConnection
from services_ai_sdk.emulator.server import ServerConnection
from services_ai_sdk.emulator.whole_request import Whole

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PLAIN = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


class BrokenWhileReading(ServerConnection):
    def on_header(self, name: bytes, value: bytes) -> None:
        raise LookupError("defect")


class BrokenOwner:
    def __getattr__(self, name: str) -> Any:
        raise LookupError("defect")


async def fine(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [], b"fine")


async def not_bytes(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [], "text")  # type: ignore[arg-type]


def breaks(request: Whole, respond: Callable[[bytes], None]) -> bool:
    raise LookupError("defect")


def talk(make: Callable[[], asyncio.Protocol], sent: bytes) -> tuple[bytes, list[dict[str, Any]]]:
    """What a server of these connections answers, and what it reports."""
    reports: list[dict[str, Any]] = []

    async def scenario() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context))
        server = await loop.create_server(make, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(sent)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return answer

    return asyncio.run(scenario()), reports


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: BrokenWhileReading(fine, set()), LookupError),
        (lambda: ServerConnection(not_bytes, set()), TypeError),
        (lambda: RuntimeApiConnection(BrokenOwner()), LookupError),
    ],
)
def test_a_defect_is_reported_and_answered(make: Callable[[], asyncio.Protocol], kind: type[Exception]) -> None:
    sent = GET.replace(b"/ ", b"/2018-06-01/runtime/invocation/next ", 1)
    answer, reports = talk(make, sent)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"defect" not in answer
    (report,) = reports
    assert type(report["exception"]) is kind
    assert report["exception"].__traceback__ is not None


def test_a_defect_of_the_short_way_is_too() -> None:
    answer, reports = talk(lambda: ServerConnection(fine, set(), breaks), PLAIN)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"defect" not in answer
    assert [type(report["exception"]) for report in reports] == [LookupError]


def test_the_request_behind_one_that_cannot_be_answered_is_answered() -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        return await (not_bytes if request.path == "/" else fine)(request)

    answer, reports = talk(lambda: ServerConnection(handler, set()), GET + GET.replace(b"/ ", b"/fine ", 1))
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.endswith(b"fine")
    assert len(reports) == 1
