"""Callers: raw sockets in a process of their own, and boto3."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from benchmarks.engine_parts.function import PAYLOAD

WARM_UP_S = 1.0
KEY = "local"
"""The local cloud's administrator; nobody checks the signature."""
REQUEST = (
    b"POST /2015-03-31/functions/bench/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=%s/20260101/us-east-1/lambda/aws4_request, "
    b"SignedHeaders=host, Signature=%s\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % (KEY.encode(), b"0" * 64, len(PAYLOAD))
    + PAYLOAD
)


def raw(port: int, callers: int, seconds: float, pace_s: float = 0.0) -> dict[str, Any]:
    """Calls per second, and with one caller the times of each call (ms), one begun each `pace_s`."""
    command = [sys.executable, "-m", "benchmarks.engine_parts.load"]
    command += [str(port), str(callers), str(seconds), str(pace_s)]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    answer: dict[str, Any] = json.loads(out)
    return answer


def boto3_calls(port: int, callers: int, seconds: float) -> float:
    """Calls per second of boto3 clients in threads of this process."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "lambda", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", aws_access_key_id="k",
        aws_secret_access_key="s", config=Config(max_pool_connections=callers, retries={"total_max_attempts": 1}),
    )  # fmt: skip
    counts = [0] * callers
    until = time.perf_counter() + seconds

    def caller(number: int) -> None:
        while time.perf_counter() < until:
            client.invoke(FunctionName="bench", Payload=PAYLOAD)["Payload"].read()
            counts[number] += 1

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _read_answer(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    assert length >= len(PAYLOAD) - 1, body  # JSON with or without a space


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _sequential(port: int, seconds: float, pace_s: float) -> dict[str, Any]:
    connection, times = _connect(port), []
    for _ in range(50):
        connection.sendall(REQUEST)
        _read_answer(connection)
    until = time.perf_counter() + seconds
    while (started := time.perf_counter()) < until:
        connection.sendall(REQUEST)
        _read_answer(connection)
        ended = time.perf_counter()
        times.append((ended - started) * 1000)
        if ended < started + pace_s:
            time.sleep(started + pace_s - ended)
    times.sort()
    return {
        "per_s": len(times) / seconds,
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[int(len(times) * 0.99)],
    }


def _parallel(port: int, callers: int, seconds: float) -> dict[str, Any]:
    """Many connections in one thread: what a caller costs is then little beside the server."""
    import selectors

    selector = selectors.DefaultSelector()
    for _ in range(callers):
        connection = _connect(port)
        selector.register(connection, selectors.EVENT_READ, bytearray())
        connection.sendall(REQUEST)
    # Uncounted at first: whoever starts a process for each call that finds none idle has them then.
    done, begins = 0, time.perf_counter() + WARM_UP_S
    while (now := time.perf_counter()) < begins + seconds:
        for key, _ in selector.select(0.1):
            sender, got = key.fileobj, key.data
            assert isinstance(sender, socket.socket)
            got += sender.recv(65536)
            head, found, body = bytes(got).partition(b"\r\n\r\n")
            if not found:
                continue
            if len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
                got.clear()
                done += now >= begins
                sender.sendall(REQUEST)
    return {"per_s": done / seconds}


if __name__ == "__main__":
    port_, callers_, seconds_, pace_s_ = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    print(
        json.dumps(
            _sequential(port_, seconds_, pace_s_) if callers_ == 1 else _parallel(port_, callers_, seconds_)
        )
    )
