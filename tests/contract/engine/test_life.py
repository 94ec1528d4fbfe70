"""Nothing of an engine outlives it, however it ends; and the port bears whatever is sent to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import asyncio, json, sys
from pathlib import Path
import uvloop
sys.path.insert(0, sys.argv[3])
from conftest import Functions, Log
from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.spec import FunctionSpec

CODE = '''
import os, subprocess, sys, time
def handle(event, context):
    subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(600)"])
    return os.getpid()
'''

async def main():
    functions = Functions(Path(sys.argv[1]))
    functions.specs["f"] = FunctionSpec(
        "f", "arn:aws:lambda:us-east-1:1:function:f", "1", "1", "main.handle", "python3.11", 5, 128, {},
        functions.artifact({"main.py": CODE}), (), "/aws/lambda/f", "arn:aws:iam::1:role/f")
    engine = Engine(functions, Log(), store=Path(sys.argv[2]))
    answers = await asyncio.gather(*(engine.invoke("f", None, b"{}") for _ in range(2)))
    print(json.dumps([answer.worker_pid for answer in answers]), flush=True)
    await asyncio.Event().wait()

uvloop.run(main())
"""


def below(pid: int) -> set[int]:
    """A process's descendants."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            found |= {int(child), *below(int(child))}
    return found


def alive(pids: set[int]) -> set[int]:
    left = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            left.add(pid)
    return left


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_that_is_killed_leaves_no_process(tmp_path: Path, store: Path, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(store), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    workers = set(json.loads(process.stdout.readline()))
    everyone = below(process.pid)
    assert workers <= everyone
    assert len(everyone) >= 3 * len(workers), "bubblewrap's two and the worker, each; and what the workers started"
    os.kill(process.pid, number)
    process.wait()
    deadline = time.monotonic() + 10
    while left := alive(everyone):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def test_a_closed_engine_leaves_no_process_and_no_memory_group(own_cloud: Any) -> None:
    name = own_cloud.function("import os\ndef handle(e, c): return os.getpid()")
    _, answer = own_cloud.invoke(name)
    pid = int(answer["ResponseMetadata"]["HTTPHeaders"]["x-services-ai-worker-pid"])
    assert alive({pid})
    groups = memory_groups_of(pid)
    own_cloud.close()
    assert not alive({pid})
    assert not [folder for folder in groups if folder.exists()]


def memory_groups_of(pid: int) -> list[Path]:
    """Those that the engine made for a process; none where this machine lets it make none."""
    found = []
    for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, name = line.split(":", 2)
        folder = Path("/sys/fs/cgroup") / controllers / name.lstrip("/")
        if "services-ai-" in name and folder.exists():
            found.append(folder)
    return found


def exchange(port: int, data: bytes, *, wait_s: float = 3.0) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            pass
        return answer


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff\x16\x03\x01",
        b"GET",
        b"NONSENSE / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 50_000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_garbage_on_the_port_is_answered_or_dropped_and_the_next_call_works(cloud: Any, data: bytes) -> None:
    answer = exchange(cloud.port, data)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413")), answer[:100]
    name = cloud.function("def handle(e, c): return 1", function_name="after-garbage")
    assert cloud.value(name) == 1


def test_bodies_targets_and_headers_pass_untouched(cloud: Any) -> None:
    cloud.upstream.seen.clear()
    body = bytes(range(256))
    chunked = b"80\r\n" + body[:128] + b"\r\n80\r\n" + body[128:] + b"\r\n0\r\n\r\n"
    head = b"PUT /bucket/a%2Fb%20c?x=%26 HTTP/1.1\r\nX-Meta_A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = exchange(cloud.port, head + chunked)
    assert answer.startswith(b"HTTP/1.1 200")
    (seen,) = cloud.upstream.seen
    assert (seen.target, seen.body) == ("/bucket/a%2Fb%20c?x=%26", body)
    assert (b"X-Meta_A", b"1") in seen.headers
    assert seen.identity is None


def test_requests_sent_ahead_are_answered_in_their_order(cloud: Any) -> None:
    answer = exchange(cloud.port, b"".join(b"GET /number/%d HTTP/1.1\r\n\r\n" % number for number in range(40)))
    paths = [part.partition(b'"')[0] for part in answer.split(b'"/number/')[1:]]
    assert paths == [b"%d" % number for number in range(40)]


def test_a_large_upload_that_asks_first_is_told_to_go_on(cloud: Any) -> None:
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=5) as connection:
        connection.sendall(b"PUT /x HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"abc")
        assert b"HTTP/1.1 200" in connection.recv(65536)


def test_an_upstream_that_is_not_there_is_a_502_that_says_so(cloud: Any) -> None:
    answer = exchange(cloud.port, b"GET /through HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"does not answer" in answer
