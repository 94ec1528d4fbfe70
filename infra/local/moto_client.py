"""The moto process as the engine's process sees it: started, asked, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
from pathlib import Path
from typing import IO, Any, Protocol

from infra.local.moto_app import KEY_HEADER, PRIVATE_PREFIX
from services_ai_sdk.wire.errors import PlatformError

CONNECTIONS_KEPT = 4
"""moto answers one request at a time: more connections than a few only wait."""


STOP_MAX_S = 10.0
"""Less than the launcher waits for the engine: writing the state may take a while on a slow disk."""


class MotoRefused(Exception):  # noqa: N818 - names what happened
    """A private operation refused.

    Args:
        status: HTTP status.
        code: Lambda's or the service's error code.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Operations(Protocol):
    """Private operations of moto; what source, pollers and log sink need of it."""

    async def call(self, operation: str, **request: Any) -> Any:
        """Runs one.

        Raises:
            MotoRefused: It said no.
            PlatformError: moto cannot be reached.
        """
        ...


class MotoClient:
    """Calls private operations over a few keep-alive connections.

    Args:
        port: moto's, on 127.0.0.1.
        private_key: Opens the private operations.
        front_key: Opens everything else; the front's middleware adds it.
    """

    def __init__(self, port: int, private_key: str, front_key: str) -> None:
        self.port = port
        self.front_key = front_key
        self._private_key = private_key
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(self, operation: str, **request: Any) -> Any:
        """Runs one; see `Operations.call`."""
        body = json.dumps(request, separators=(",", ":")).encode()
        head = (
            f"POST {PRIVATE_PREFIX}{operation} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"{KEY_HEADER}: {self._private_key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            status, answer = await self._exchange(head.encode() + body)
        except (OSError, EOFError) as error:
            raise PlatformError(f"the moto process does not answer: {error}", code="local-cloud-broken") from error
        parsed = json.loads(answer)
        if status != 200:
            raise MotoRefused(status, str(parsed.get("code", "InternalFailure")), str(parsed.get("message", "")))
        return parsed

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            length = next(int(line[15:]) for line in lines if line.lower().startswith("content-length:"))
            body = await reader.readexactly(length)
        except BaseException:
            # A half-read answer must not become somebody else's.
            writer.close()
            raise
        if len(self._idle) < CONNECTIONS_KEPT:
            self._idle.append((reader, writer))
        else:
            writer.close()
        return int(lines[0].split(" ", 2)[1]), body

    def close(self) -> None:
        """Closes idle connections."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


class MotoProcess:
    """The second process. Start it from the loop's own thread: the kernel ties its life to that thread.

    Args:
        store: Where it unpacks functions' zips; the engine reads them there.
        state: Where it keeps what it holds.
        log: What it prints.

    Attributes:
        found: What it held when it started, as `KeptState.open` says it.
    """

    def __init__(self, store: Path, state: Path, log: IO[bytes]) -> None:
        self._store = store
        self._state = state
        self._log = log
        self.found: dict[str, Any] = {}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id; 0 before the start."""
        return self._process.pid if self._process is not None else 0

    async def start(self) -> MotoClient:
        """Starts it and waits until it answers.

        Raises:
            PlatformError: It ended instead; what it printed is in the log.
        """
        private_key, front_key = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        request = {
            "private_key": private_key,
            "front_key": front_key,
            "store": str(self._store),
            "state": str(self._state),
        }
        # Nothing of the caller's AWS settings may reach it, and no proxy.
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "infra.local.moto_main",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=self._log,
            env=kept | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            status = await self._process.wait()
            raise PlatformError(
                f"the moto process ended with status {status} while starting",
                code="local-cloud-broken",
                hint="look at the end of the local cloud's log",
            )
        answer = json.loads(line)
        self.found = answer["found"]
        return MotoClient(int(answer["port"]), private_key, front_key)

    async def wait(self) -> int:
        """Returns its status when it ends."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, patience_s: float = STOP_MAX_S) -> None:
        """Ends it, once its state is written; by force when it does not listen."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), patience_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
