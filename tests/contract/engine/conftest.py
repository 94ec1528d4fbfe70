"""An engine behind its port, in a thread with a loop of its own, and functions made on the spot."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import uvloop
from botocore.config import Config

from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.front import Front
from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse, json_response
from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.spec import Artifact, Credentials, FunctionSpec

ACCOUNT = "123456789012"


class Functions:
    """What the engine asks; functions are registered by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.specs: dict[str, FunctionSpec] = {}

    def artifact(self, files: dict[str, str]) -> Artifact:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in files.items():
                archive.writestr(zipfile.ZipInfo(name), text)
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        path = self._folder / f"{digest}.zip"
        path.write_bytes(buffer.getvalue())
        return Artifact(digest, path)

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        name = function.rpartition(":function:")[2]
        spec = self.specs.get(name)
        if spec is None or qualifier not in (None, "$LATEST", spec.version, "live"):
            raise InvokeRefused(404, "ResourceNotFoundException", f"Function not found: {function}")
        return spec

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        return Credentials(f"AKIA{spec.function_name}", "secret", f"token-of-{spec.function_name}")


class Log:
    """Keeps every line by function."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}

    def write(self, spec: FunctionSpec, stream: str, lines: list[LogLine]) -> None:
        self.lines.setdefault(spec.function_name, []).extend(line.text for line in lines)


@dataclass
class Upstream:
    """Stands for moto: remembers what came, answers who it came from."""

    seen: list[HttpRequest]

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        if request.path.startswith("/through"):
            return await forward(request)
        self.seen.append(request)
        who = request.identity.function_name if request.identity else None
        return json_response(200, json.dumps({"identity": who, "path": request.path}).encode())


class Cloud:
    """The engine and its port; every method may be called from the test's own thread."""

    def __init__(self, folder: Path, store: Path) -> None:
        self.functions = Functions(folder)
        self.log = Log()
        self.upstream = Upstream([])
        self._store = store
        self._ready: Future[None] = Future()
        self._count = 0
        self._thread = threading.Thread(target=lambda: uvloop.run(self._serve()), daemon=True)
        self._thread.start()
        self._ready.result(timeout=120)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            self.engine = Engine(self.functions, self.log, store=self._store)
            front = Front(self.engine, upstream=("127.0.0.1", 9), middleware=(self.upstream,))
            self.port = await front.start("127.0.0.1", 0)
        except BaseException as error:
            self._ready.set_exception(error)
            raise
        self._ready.set_result(None)
        await self._stop.wait()
        await front.close()
        await self.engine.close()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)

    def client(self, **config: Any) -> Any:
        return boto3.client(
            "lambda",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="k",
            aws_secret_access_key="s",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=32, **config),
        )

    def function(
        self,
        code: str,
        *,
        layers: tuple[dict[str, str], ...] = (),
        files: dict[str, str] | None = None,
        **changes: Any,
    ) -> str:
        """Registers a function whose module has `handle`; returns its name."""
        self._count += 1
        name = changes.pop("function_name", f"f{self._count}")
        spec = FunctionSpec(
            function_name=name,
            function_arn=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}",
            version="7",
            revision=f"{self._count}",
            handler="main.handle",
            runtime="python3.11",
            timeout_s=5,
            memory_mb=192,
            environment={},
            code=self.functions.artifact({"main.py": code, **(files or {})}),
            layers=tuple(self.functions.artifact(layer) for layer in layers),
            log_group=f"/aws/lambda/{name}",
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        )
        self.functions.specs[name] = spec.replace(**changes)
        self.loop.call_soon_threadsafe(self.engine.invalidate)
        return name

    def invoke(self, name: str, event: Any = None, **more: Any) -> tuple[Any, dict[str, Any]]:
        """The payload as Python, and the answer around it."""
        answer = self.client().invoke(FunctionName=name, Payload=json.dumps(event), **more)
        payload = answer["Payload"].read()
        return (json.loads(payload) if payload else None), answer

    def value(self, name: str, event: Any = None) -> Any:
        """What the handler returned; a failure fails the test with what it said."""
        payload, answer = self.invoke(name, event)
        assert "FunctionError" not in answer, payload
        return payload

    def failure(self, name: str, event: Any = None) -> tuple[str, str]:
        """Type and message of a FunctionError."""
        payload, answer = self.invoke(name, event)
        assert answer.get("FunctionError") == "Unhandled", payload
        return payload["errorType"], payload["errorMessage"]


@pytest.fixture(scope="session")
def store() -> Path:
    """Kept between runs: a Python is copied into it once."""
    folder = Path(f"/var/tmp/services-ai-tests-{os.getuid()}")
    folder.mkdir(mode=0o711, exist_ok=True)
    return folder


@pytest.fixture
def own_cloud(tmp_path: Path, store: Path) -> Cloud:
    """One that the test closes itself."""
    return Cloud(tmp_path, store)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path_factory.mktemp("functions"), store)
    yield made
    made.close()
