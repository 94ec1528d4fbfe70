"""moto's process alone, as the engine uses it, and boto3 clients that have its key."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

KEYS = {"front_key": "front", "private_key": "private"}


def patched_python(source: str, without: Sequence[str] = ()) -> str:
    """What a program prints where moto is patched."""
    start = f"from infra.local import moto_patches\nmoto_patches.apply_all({list(without)})\n"
    done = subprocess.run(
        [sys.executable, "-c", start + source], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Moto:
    def __init__(
        self,
        port: int,
        store: Path,
        log: Path,
        found: dict[str, Any],
        process: subprocess.Popen[str],
        without: str | None = None,
    ) -> None:
        self.port = port
        self.store = store
        self.found = found
        self._log = log
        self._process = process
        self._without = [without] if without else []

    def python(self, source: str) -> str:
        """What a program prints in a process of its own that has the same patches."""
        return patched_python(source, self._without)

    def kill(self) -> None:
        """Ends it without a chance to write anything."""
        self._process.kill()
        self._process.wait()

    @property
    def log(self) -> str:
        """What the process has printed."""
        return self._log.read_text()

    def client(self, service: str) -> Any:
        client = boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )

        def add_key(request: Any, **kwargs: Any) -> None:
            request.headers["x-services-ai-key"] = KEYS["front_key"]

        client.meta.events.register("before-send", add_key)
        return client

    def request(
        self, method: str, path: str, body: bytes = b"", key: str = "private", *, parse: bool = True
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, {"x-services-ai-key": key, "Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content or b"null") if parse else content

    def ask(self, operation: str, **request: Any) -> tuple[int, Any]:
        return self.request("POST", f"/_services_ai/{operation}", json.dumps(request).encode())

    def deploy(
        self, name: str, resources: dict[str, Any], outputs: dict[str, Any] | None = None
    ) -> dict[str, str]:
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
        }
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
        return self.outputs(name)

    def update(
        self, name: str, resources: dict[str, Any], outputs: dict[str, Any] | None = None
    ) -> dict[str, str]:
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
        }
        self.client("cloudformation").update_stack(StackName=name, TemplateBody=json.dumps(template))
        return self.outputs(name)

    def outputs(self, name: str) -> dict[str, str]:
        stack = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


@contextmanager
def running_moto(folder: Path, state: Path | None = None, without: str | None = None) -> Iterator[Moto]:
    """moto's process, with what it needs in a folder; ended in order unless the test has killed it.

    With all patches, or all but one.
    """
    store, log = folder / "store", folder / "moto.log"
    store.mkdir(exist_ok=True)
    with log.open("a") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local.moto_main", *(["--without", without] if without else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            text=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    request = {**KEYS, "store": str(store), **({"state": str(state)} if state else {})}
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    try:
        line = process.stdout.readline()
        assert line, log.read_text()
        answer = json.loads(line)
        yield Moto(answer["port"], store, log, answer["found"], process, without)
    finally:
        killed = process.poll() is not None
        process.stdin.close()
        process.stdout.close()
        assert process.wait(30) == (-signal.SIGKILL if killed else 0), log.read_text()
