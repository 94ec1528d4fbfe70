"""A real engine behind a real port, in a thread of its own, for tests that call it over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import uvloop
from botocore.config import Config

from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.front import Front
from services_ai_sdk.emulator.http import Middleware
from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.spec import Artifact, Credentials, FunctionSpec

T = TypeVar("T")

CODE = Path(__file__).parent / "code"
ACCOUNT = "123456789012"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:"
RUNTIME = "python3.11"


def shared_store() -> Path:
    """The store that all test sessions of this user share, so that Pythons are copied once."""
    home = Path(f"/var/tmp/services-ai-tests-{os.getuid()}")
    store = home / "store"
    for folder in (home, store):
        folder.mkdir(exist_ok=True)
        if folder.lstat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to somebody else")
        folder.chmod(0o711)
    return store


def zip_of(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def artifact(folder: Path, files: dict[str, str | bytes]) -> Artifact:
    """A zip of these files."""
    data = zip_of(files)
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"{digest}.zip"
    path.write_bytes(data)
    return Artifact(digest, path)


def wait_until(check: Callable[[], T], what: str, within_s: float = 20.0) -> T:
    """What `check` returns once it is true."""
    until = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < until, f"not within {within_s} s: {what}"
        time.sleep(0.01)
    return found


@dataclass
class Functions:
    """A FunctionSource in memory."""

    specs: dict[tuple[str, str | None], FunctionSpec] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        self.asked.append((function, qualifier))
        try:
            return self.specs[function, qualifier]
        except KeyError:
            raise InvokeRefused(
                404, "ResourceNotFoundException", f"Function not found: {function}:{qualifier}"
            ) from None

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        return Credentials(f"AKIA{spec.function_name}", f"secret of {spec.function_name}", "token")


@dataclass
class Log:
    """A LogSink in memory."""

    lines: dict[str, list[LogLine]] = field(default_factory=dict)
    streams: dict[str, set[str]] = field(default_factory=dict)

    def write(self, spec: FunctionSpec, stream: str, lines: list[LogLine]) -> None:
        self.streams.setdefault(spec.function_name, set()).add(stream)
        self.lines.setdefault(spec.function_name, []).extend(lines)

    def of(self, function: str) -> list[str]:
        return [line.text for line in self.lines.get(function, [])]


class Aws:
    """What lies behind the front: answers what it was sent, as JSON, and remembers it."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.answer: Callable[[bytes, bytes], bytes | None] = self.echo
        self.server: asyncio.AbstractServer | None = None

    @staticmethod
    def echo(head: bytes, body: bytes) -> bytes | None:
        line, *headers = head.decode("latin-1").split("\r\n")
        what = {"line": line, "headers": headers, "body": body.hex()}
        content = json.dumps(what).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
            len(content),
            b"" if line.startswith("HEAD ") else content,
        )

    async def start(self) -> int:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
                length = next(
                    (
                        int(line[15:])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length:")
                    ),
                    0,
                )
                body = await reader.readexactly(length)
                self.heads.append(head)
                self.bodies.append(body)
                answer = self.answer(head, body)
                if answer is None:
                    return
                writer.write(answer)
                if answer.endswith(b"..."):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@dataclass(frozen=True)
class Answer:
    """One Invoke, as boto3 saw it."""

    payload: bytes
    error: str | None
    pid: int
    request_id: str
    version: str
    log: str

    @property
    def value(self) -> Any:
        return json.loads(self.payload)

    @property
    def kind(self) -> str:
        return str(self.value["errorType"])


class Emulator:
    """Engine, front and what is behind it, on a loop of its own.

    Args:
        folder: For zips.
        middleware: The front's.
        options: The engine's.
    """

    def __init__(self, folder: Path, middleware: Sequence[Middleware] = (), **options: Any) -> None:
        self.folder = folder
        self.functions = Functions()
        self.log = Log()
        self.aws = Aws()
        self.progress: list[str] = []
        self.loop = uvloop.new_event_loop()
        self.loop_errors: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda loop, context: self.loop_errors.append(context))
        self._thread = threading.Thread(target=self._run, name="emulator", daemon=True)
        self._thread.start()
        self._middleware = middleware
        self._options = options
        self.do(self._start())
        self.client = self.client_of("lambda")

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _start(self) -> None:
        options = {"store": shared_store(), **self._options}
        self.engine = Engine(self.functions, self.log, progress=self.progress.append, **options)
        self.front = Front(
            self.engine, upstream=("127.0.0.1", await self.aws.start()), middleware=self._middleware
        )
        self.port = await self.front.start("127.0.0.1", 0)

    def do(self, coroutine: Coroutine[Any, Any, T], timeout_s: float = 120) -> T:
        """Runs something on the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout_s)

    def close(self) -> None:
        """Ends all of it."""
        self.do(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(20)
        self.loop.close()

    async def _close(self) -> None:
        await self.front.close()
        await self.engine.close()
        assert self.aws.server is not None
        self.aws.server.close()

    def client_of(self, service: str, read_timeout: float = 60) -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(
                retries={"total_max_attempts": 1, "mode": "standard"},
                read_timeout=read_timeout,
                max_pool_connections=64,
            ),
        )

    def add(
        self,
        name: str,
        code: str | dict[str, str | bytes] | None = None,
        *,
        layers: Sequence[dict[str, str | bytes]] = (),
        **changes: Any,
    ) -> FunctionSpec:
        """A function: `code` is its main.py, several files, or None for those of the folder `code`."""
        if code is None:
            code = {path.name: path.read_bytes() for path in sorted(CODE.glob("*.py"))}
        elif isinstance(code, str):
            code = {"main.py": code}
        values: dict[str, Any] = {
            "version": "$LATEST",
            "revision": "1",
            "handler": "main.handle",
            "runtime": RUNTIME,
            "timeout_s": 10,
            "memory_mb": 128,
            "environment": {},
            "log_group": f"/aws/lambda/{name}",
            "role_arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
            **changes,
        }
        spec = FunctionSpec(
            name,
            ARN + name,
            code=artifact(self.folder, code),
            layers=tuple(artifact(self.folder, layer) for layer in layers),
            **values,
        )
        self.functions.specs[name, None] = spec
        self.loop.call_soon_threadsafe(self.engine.invalidate)
        return spec

    def call(self, name: str, event: Any = None, **arguments: Any) -> Answer:
        """One Invoke by boto3."""
        return answer_of(
            self.client.invoke(FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail", **arguments)
        )

    def run(self, handler: str, event: Any = None, **changes: Any) -> Answer:
        """Adds a function with a handler of the folder `code`, and calls it."""
        name = handler.replace(".", "-")
        if (name, None) not in self.functions.specs:
            self.add(name, handler=handler, **changes)
        return self.call(name, event)


def answer_of(response: dict[str, Any]) -> Answer:
    import base64

    headers = response["ResponseMetadata"]["HTTPHeaders"]
    return Answer(
        response["Payload"].read(),
        response.get("FunctionError"),
        int(headers["x-services-ai-worker-pid"]),
        response["ResponseMetadata"]["RequestId"],
        response["ExecutedVersion"],
        base64.b64decode(response.get("LogResult", "")).decode("utf-8", "replace"),
    )


def descendants(pid: int) -> list[int]:
    """Every process below one, by /proc."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        parents.setdefault(parent, []).append(int(folder.name))
    found, queue = [], [pid]
    while queue:
        below = parents.get(queue.pop(), [])
        found += below
        queue += below
    return found


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
