"""The port: HTTP as it comes, well-formed or not, and the way to what lies behind it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse, json_response
from tests.contract.emulator.emulators import Emulator

INVOKE = b"POST /2015-03-31/functions/%s/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"


@pytest.fixture(autouse=True)
def _echoing(emulator: Emulator) -> None:
    emulator.aws.answer = emulator.aws.echo


@contextmanager
def connected(emulator: Emulator) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=20) as opened:
        yield opened


def read_to_end(opened: socket.socket) -> bytes:
    received = bytearray()
    while data := opened.recv(65536):
        received += data
    return bytes(received)


def answer_on(opened: socket.socket, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    response = http.client.HTTPResponse(opened, method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return response.status, headers, response.read()


def ask(
    emulator: Emulator, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=20)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    found = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    connection.close()
    return found


def still_works(emulator: Emulator) -> None:
    assert ask(emulator, "GET", "/still-works")[0] == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\x03",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"not http at all\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % number for number in range(12_000)) + b"\r\n",
    ],
)
def test_what_is_no_request_is_refused(emulator: Emulator, garbage: bytes) -> None:
    before = len(emulator.aws.heads)
    with connected(emulator) as opened:
        opened.sendall(garbage)
        status, headers, body = answer_on(opened)
        assert status == 400
        assert headers["connection"] == "close"
        assert json.loads(body)["message"]
        try:
            assert read_to_end(opened) == b""
        except ConnectionResetError:
            pass
    assert len(emulator.aws.heads) == before
    still_works(emulator)


def test_body_that_is_announced_too_large(emulator: Emulator) -> None:
    with connected(emulator) as opened:
        opened.sendall(b"PUT /b/k HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n")
        assert answer_on(opened)[0] == 413
    still_works(emulator)


@pytest.mark.parametrize("part", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\n", INVOKE % (b"f", 10, b"{")])
def test_half_a_request_disturbs_nobody(emulator: Emulator, part: bytes) -> None:
    before = len(emulator.aws.heads)
    with connected(emulator) as opened:
        opened.sendall(part)
        opened.shutdown(socket.SHUT_WR)
        assert b"200" not in read_to_end(opened)
    assert len(emulator.aws.heads) == before
    still_works(emulator)


def test_request_in_single_bytes(emulator: Emulator) -> None:
    with connected(emulator) as opened:
        for byte in b"PUT /slow%2Fone HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc":
            opened.sendall(bytes([byte]))
        status, _, body = answer_on(opened)
    assert status == 200
    assert json.loads(body)["body"] == b"abc".hex()


def test_caller_that_closes_its_half_still_gets_its_answer(emulator: Emulator) -> None:
    emulator.add("half-closed", "def handle(event, context): return 'answered'")
    with connected(emulator) as opened:
        opened.sendall(INVOKE % (b"half-closed", 2, b"{}"))
        opened.shutdown(socket.SHUT_WR)
        assert answer_on(opened)[2] == b'"answered"'


def test_chunked_upload(emulator: Emulator) -> None:
    with connected(emulator) as opened:
        opened.sendall(
            b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
        )
        seen = json.loads(answer_on(opened)[2])
    assert bytes.fromhex(seen["body"]) == b"hello world"
    assert "Content-Length: 11" in seen["headers"]
    assert not any("transfer-encoding" in header.lower() for header in seen["headers"])


def test_expect_100_continue(emulator: Emulator) -> None:
    with connected(emulator) as opened:
        opened.sendall(b"PUT /b/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert opened.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        opened.sendall(b"body")
        status, _, body = answer_on(opened)
    assert status == 200
    seen = json.loads(body)
    assert seen["body"] == b"body".hex()
    assert not any("expect" in header.lower() for header in seen["headers"])


def test_head_keeps_the_content_length(emulator: Emulator) -> None:
    emulator.aws.answer = lambda head, body: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 123456\r\nETag: x\r\n\r\n" if head.startswith(b"HEAD") else None
    )
    with connected(emulator) as opened:
        for _ in range(3):
            opened.sendall(b"HEAD /b/k HTTP/1.1\r\nHost: x\r\n\r\n")
            status, headers, body = answer_on(opened, "HEAD")
            assert (status, headers["content-length"], headers["etag"], body) == (200, "123456", "x", b"")


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(emulator: Emulator, status: int) -> None:
    emulator.aws.answer = lambda head, body: b"HTTP/1.1 %d X\r\nA: b\r\n\r\n" % status
    with connected(emulator) as opened:
        for _ in range(2):
            opened.sendall(b"DELETE /b/k HTTP/1.1\r\nHost: x\r\n\r\n")
            found, headers, body = answer_on(opened, "DELETE")
            assert (found, headers["a"], body) == (status, "b", b"")
            assert "content-length" not in headers


def test_connection_is_kept_and_closed_as_asked(emulator: Emulator) -> None:
    with connected(emulator) as opened:
        for _ in range(3):
            opened.sendall(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer_on(opened)[0] == 200
        opened.sendall(b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer_on(opened)[1]["connection"] == "close"
        assert opened.recv(1) == b""


def test_old_http(emulator: Emulator) -> None:
    with connected(emulator) as opened:
        opened.sendall(b"GET /old HTTP/1.0\r\n\r\n")
        assert read_to_end(opened).startswith(b"HTTP/1.1 200")


def test_pipelined_requests_are_answered_in_order(emulator: Emulator) -> None:
    """A slow Invoke first: what is quicker waits for it."""
    emulator.add("slow", "import time\ndef handle(event, context): time.sleep(0.3); return 'slow'")
    emulator.add("quick", "def handle(event, context): return 'quick'")
    emulator.call("quick")
    with connected(emulator) as opened:
        opened.sendall(
            INVOKE % (b"slow", 2, b"{}")
            + b"GET /third HTTP/1.1\r\nHost: x\r\n\r\n"
            + INVOKE % (b"quick", 2, b"{}")
            + INVOKE % (b"absent", 2, b"{}")
            + INVOKE % (b"quick", 2, b"{}")
        )
        file = opened.makefile("rb")
        answers = [_read_one(file) for _ in range(5)]
    assert [status for status, _ in answers] == [200, 200, 200, 404, 200]
    assert answers[0][1] == b'"slow"'
    assert json.loads(answers[1][1])["line"] == "GET /third HTTP/1.1"
    assert answers[2][1] == answers[4][1] == b'"quick"'


def test_many_pipelined_requests(emulator: Emulator) -> None:
    with connected(emulator) as opened, ThreadPoolExecutor(1) as thread:
        thread.submit(
            opened.sendall, b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(500))
        )
        file = opened.makefile("rb")
        lines = [json.loads(_read_one(file)[1])["line"] for _ in range(500)]
    assert lines == [f"GET /{number} HTTP/1.1" for number in range(500)]


def test_caller_that_reads_late_gets_all_answers(emulator: Emulator) -> None:
    """It is not read from meanwhile, and no answer is lost when it goes on."""
    emulator.add("bulky", "def handle(event, context): return 'x' * 1_000_000")
    emulator.call("bulky")
    with connected(emulator) as opened:
        opened.sendall(b"".join(INVOKE % (b"bulky", 2, b"{}") for _ in range(30)))
        still_works(emulator)
        file = opened.makefile("rb")
        assert [len(_read_one(file)[1]) for _ in range(30)] == [1_000_002] * 30


def _read_one(file: Any) -> tuple[int, bytes]:
    status = int(file.readline().split()[1])
    length = 0
    while (line := file.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, file.read(length)


def test_request_passes_untouched(emulator: Emulator) -> None:
    target = "/bucket/a%2Fb%20c/%C3%A4//x?list-type=2&prefix=%2F&&empty="
    body = bytes(range(256)) * 50
    status, _, answered = ask(emulator, "PUT", target, body, {"X-Custom_Name": "ä".encode().decode("latin-1")})
    assert status == 200
    seen = json.loads(answered)
    assert seen["line"] == f"PUT {target} HTTP/1.1"
    assert bytes.fromhex(seen["body"]) == body
    assert "X-Custom_Name: ä".encode().decode("latin-1") in seen["headers"]


def test_answer_passes_untouched(emulator: Emulator) -> None:
    body = bytes(range(256)) * 300
    emulator.aws.answer = lambda head, sent: (
        b"HTTP/1.1 418 Teapot\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Name: v\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=20)
    connection.request("GET", "/b/k")
    response = connection.getresponse()
    assert response.status == 418
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers["X-Name"] == "v"
    assert response.read() == body
    connection.close()


def test_chunked_answer(emulator: Emulator) -> None:
    emulator.aws.answer = lambda head, body: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    for _ in range(2):
        status, headers, body = ask(emulator, "GET", "/chunks")
        assert (status, headers["content-length"], body) == (200, "5", b"abcde")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf...",
        b"HTTP/1.1 200 OK\r\nContent-Le...",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab...",
        b"this is no HTTP\r\n\r\n...",
    ],
)
def test_upstream_that_breaks_off(emulator: Emulator, answer: bytes | None) -> None:
    emulator.aws.answer = lambda head, body: answer
    status, headers, body = ask(emulator, "GET", "/broken")
    assert (status, headers["content-type"]) == (502, "application/json")
    assert "does not answer" in json.loads(body)["message"]
    emulator.aws.answer = emulator.aws.echo
    still_works(emulator)


def test_upstream_that_closes_between_requests(emulator: Emulator) -> None:
    """A kept connection that is gone is not used again."""
    emulator.aws.answer = lambda head, body: b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n..."
    for _ in range(5):
        assert ask(emulator, "GET", "/closes")[2] == b"..."
        emulator.do(_a_turn())


async def _a_turn() -> None:
    import asyncio

    await asyncio.sleep(0.02)


def test_upstream_that_is_down(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator()
    emulator.add("works-without", "def handle(event, context): return 1")

    async def stop() -> None:
        assert emulator.aws.server is not None
        emulator.aws.server.close()

    emulator.do(stop())
    status, _, body = ask(emulator, "GET", "/down")
    assert status == 502
    assert "does not answer" in json.loads(body)["message"]
    assert emulator.call("works-without").value == 1


def test_many_callers_share_the_upstream(emulator: Emulator) -> None:
    with ThreadPoolExecutor(100) as threads:
        lines = list(threads.map(lambda n: json.loads(ask(emulator, "GET", f"/{n}")[2])["line"], range(200)))
    assert lines == [f"GET /{number} HTTP/1.1" for number in range(200)]


def test_middleware_runs_in_order_and_may_answer_itself(make_emulator: Callable[..., Emulator]) -> None:
    passed: list[str] = []

    def named(name: str) -> Callable[[HttpRequest, Forward], Any]:
        async def layer(request: HttpRequest, forward: Forward) -> HttpResponse:
            passed.append(f"{name} in")
            if request.path == f"/{name}":
                return json_response(201, b'"mine"', x_by=name)
            request.headers.append((b"X-Passed", name.encode()))
            response = await forward(request)
            passed.append(f"{name} out")
            return response

        return layer

    emulator = make_emulator(middleware=[named("outer"), named("inner")])
    seen = json.loads(ask(emulator, "GET", "/far")[2])
    assert passed == ["outer in", "inner in", "inner out", "outer out"]
    assert [header for header in seen["headers"] if "Passed" in header] == ["X-Passed: outer", "X-Passed: inner"]
    passed.clear()
    status, headers, body = ask(emulator, "GET", "/inner")
    assert (status, headers["x-by"], body) == (201, "inner", b'"mine"')
    assert passed == ["outer in", "inner in", "outer out"]
    # An Invoke is not theirs.
    passed.clear()
    emulator.add("direct", "def handle(event, context): return 1")
    assert emulator.call("direct").value == 1
    assert passed == []


def test_middleware_that_fails_is_a_500_and_reported(make_emulator: Callable[..., Emulator]) -> None:
    async def broken(request: HttpRequest, forward: Forward) -> HttpResponse:
        raise LookupError("defect")

    emulator = make_emulator(middleware=[broken])
    status, _, body = ask(emulator, "GET", "/any")
    assert status == 500
    assert b"defect" not in body
    assert [type(context["exception"]) for context in emulator.loop_errors] == [LookupError]


@pytest.mark.parametrize(
    "path",
    [
        "/2015-03-31/functions/f/invocations/more",
        "/2015-03-31/functions//invocations",
        "/2015-03-31/functions/f",
        "/2015-03-31/functions/f/../g/invocations",
        "/x/2015-03-31/functions/f/invocations",
    ],
)
def test_what_only_looks_like_an_invoke_goes_upstream(emulator: Emulator, path: str) -> None:
    assert json.loads(ask(emulator, "POST", path, b"{}")[2])["line"] == f"POST {path} HTTP/1.1"


def test_get_of_an_invocation_goes_upstream(emulator: Emulator) -> None:
    path = "/2015-03-31/functions/f/invocations"
    assert json.loads(ask(emulator, "GET", path)[2])["line"] == f"GET {path} HTTP/1.1"


def test_only_loopback_listens(emulator: Emulator) -> None:
    assert emulator.front._server is not None
    assert {opened.getsockname()[0] for opened in emulator.front._server.sockets} == {"127.0.0.1"}


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n"])
def test_garbage_behind_a_request_is_answered_after_it(emulator: Emulator, garbage: bytes) -> None:
    emulator.add("before-garbage", "import time\ndef handle(event, context): time.sleep(0.3); return 'mine'")
    with connected(emulator) as opened:
        opened.sendall(INVOKE % (b"before-garbage", 2, b"{}") + garbage)
        opened.sendall(b"more" * 1000)
        file = opened.makefile("rb")
        assert _read_one(file) == (200, b'"mine"')
        assert _read_one(file)[0] == 400
        try:
            assert file.read() == b""
        except ConnectionResetError:
            pass  # it had sent more than was read
    still_works(emulator)


SENDS = """
import os, socket, time
HOST, PORT = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://").split(":")
SIGNED = "Authorization: AWS4-HMAC-SHA256 Credential=%s/x, SignedHeaders=host, Signature=0"
def handle(event, context):
    head = "PUT /b/k HTTP/1.1\\r\\n" + SIGNED % os.environ["AWS_ACCESS_KEY_ID"] + "\\r\\n"
    head += f"Content-Length: {event['announced']}\\r\\n\\r\\n"
    opened = []
    for _ in range(event["connections"]):
        one = socket.create_connection((HOST, int(PORT)))
        opened.append(one)
        one.sendall(head.encode())
        try:
            for _ in range(event["sent"] // 65536):
                one.sendall(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass
    answers = []
    for one in opened:
        one.settimeout(0.5)
        try:
            answers.append(int(one.recv(100).split()[1]))
        except TimeoutError:
            answers.append("waits")
        except (ConnectionResetError, IndexError):
            answers.append("cut")
    return answers
"""
MB = 1024 * 1024


def test_a_worker_cannot_fill_the_memory(emulator: Emulator) -> None:
    emulator.add("sends", SENDS, timeout_s=60)
    assert emulator.call("sends", {"announced": 17 * MB, "sent": 0, "connections": 1}).value == [413]
    # Announced by each and not sent to the end: what has come in counts, over all connections.
    answers = emulator.call("sends", {"announced": 16 * MB, "sent": 12 * MB, "connections": 6}).value
    assert answers[:2] == ["waits", "waits"]
    assert set(answers[2:]) <= {503, "cut"}
    # What ended is given back, and a worker that fills its own share leaves the others theirs.
    assert emulator.call("sends", {"announced": MB, "sent": MB, "connections": 8}).value == [200] * 8
    assert emulator.call("sends", {"announced": 0, "sent": 0, "connections": 1}).value == [200]


RESPONDS = """
import os, socket
HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
def handle(event, context):
    opened, cut = [], 0
    for _ in range(10):
        one = socket.create_connection((HOST, int(PORT)))
        opened.append(one)
        try:
            one.sendall(b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\\r\\n")
            one.sendall(b"Content-Length: 6000001\\r\\n\\r\\n")
            for _ in range(60):
                one.sendall(b"x" * 100_000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        one.settimeout(0.2)
        try:
            cut += b" 413 " in one.recv(100)
        except TimeoutError:
            pass
        except ConnectionResetError:
            cut += 1
    return cut
"""


def test_a_runtime_cannot_fill_the_memory(emulator: Emulator) -> None:
    emulator.add("responds", RESPONDS, timeout_s=60)
    assert emulator.call("responds").value == 8
