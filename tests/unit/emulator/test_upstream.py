"""The way to the process behind the front, when that process answers late, by halves, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services_ai_sdk.emulator.http import HttpRequest, HttpResponse
from services_ai_sdk.emulator.upstream import Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def run(
    answer: Callable[[asyncio.StreamWriter, int], Awaitable[None]], requests: int = 1, answer_max_s: float = 0.2
) -> tuple[list[HttpResponse], int]:
    """Answers to as many requests at once, then to one more; and how many connections were opened."""
    opened: list[asyncio.StreamWriter] = []
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        opened.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            count += 1
            await answer(writer, count)

    async def scenario() -> list[HttpResponse]:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # readers that are cut off
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            upstream = Upstream(*server.sockets[0].getsockname(), answer_max_s=answer_max_s)
            first = await asyncio.gather(*(upstream(HttpRequest("GET", "/")) for _ in range(requests)))
            last = await upstream(HttpRequest("GET", "/last"))
            upstream.close()
            for writer in opened:
                writer.close()
            return [*first, last]

    return asyncio.run(asyncio.wait_for(scenario(), 20)), len(opened)


@pytest.mark.parametrize("half", [b"", OK[:-1], b"HTTP/1.1 200 OK\r\nContent-"])
def test_an_answer_that_does_not_come_is_a_504_and_the_next_has_a_connection_of_its_own(half: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(half if number == 1 else OK)

    (first, last), opened = run(answer)
    assert first.status == 504
    assert b"did not answer within 0.2 s" in first.body
    assert (last.status, last.body) == (200, b"ok")
    assert opened == 2


def test_requests_that_wait_for_a_connection_do_not_wait_for_ever() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        if number > 64:
            writer.write(OK)

    answers, _ = run(answer, requests=100)
    assert [one.status for one in answers[:64]] == [504] * 64
    assert answers[-1].status == 200


def test_a_late_answer_within_the_time_is_given() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        await asyncio.sleep(0.1)
        writer.write(OK)

    answers, opened = run(answer, answer_max_s=5)
    assert [one.status for one in answers] == [200, 200]
    assert opened == 1
