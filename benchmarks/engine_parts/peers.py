"""The peers: what people use instead, running the same trivial function as they run Python.

Each is fetched once, at one version, into the user's cache.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.engine_parts.function import CODE, code_zip
from tests.contract.lambda_api import stand_ins
from tests.contract.lambda_api.stand_ins import StandInMissingError

SERVERLESS_OFFLINE = "14.8.2"
SERVERLESS = "3.40.0"
"""The last that starts without an account. serverless-offline 14 asks for 4, and runs under this one as well."""
FUNCTION = "bench"


@dataclass(frozen=True)
class Peer:
    """One that runs.

    Attributes:
        port: Where it listens.
        function: The function's name there.
    """

    port: int
    function: str


class Start(Protocol):
    """Starts and ends one."""

    def __call__(self, python: str) -> AbstractContextManager[Peer]:
        """With this Python (`3.11`), where the peer lets one choose."""


@contextmanager
def serverless_offline(python: str) -> Iterator[Peer]:
    """serverless-offline's endpoint for Invoke, its handler run by its own Python runner."""
    packages = _serverless_packages()
    port = stand_ins.free_port()
    with tempfile.TemporaryDirectory(prefix="serverless-offline-") as name:
        folder = Path(name)
        (folder / "node_modules").symlink_to(packages / "node_modules")
        (folder / "main.py").write_text(CODE, encoding="utf-8")
        (folder / "serverless.yml").write_text(
            f"service: {FUNCTION}\nframeworkVersion: '3'\nplugins: [serverless-offline]\n"
            f"provider: {{name: aws, runtime: python{python}, region: us-east-1}}\n"
            f"functions: {{{FUNCTION}: {{handler: main.handle, name: {FUNCTION}}}}}\n",
            encoding="utf-8",
        )
        command = [str(packages / "node_modules/.bin/serverless"), "offline", "start", "--host", "127.0.0.1"]
        command += ["--lambdaPort", str(port), "--httpPort", str(stand_ins.free_port()), "--noPrependStageInUrl"]
        environment = {**os.environ, "SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off", "HOME": name}
        with (folder / "output.txt").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        try:
            stand_ins.wait_for(port, process, folder / "output.txt")
            yield Peer(port, FUNCTION)
        finally:
            stand_ins.end(process)


def _serverless_packages() -> Path:
    folder = stand_ins.cache_folder() / f"serverless-{SERVERLESS}-offline-{SERVERLESS_OFFLINE}"
    if (folder / ".complete").exists():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise StandInMissingError("npm is not on this machine")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
    wanted = [f"serverless@{SERVERLESS}", f"serverless-offline@{SERVERLESS_OFFLINE}"]
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--legacy-peer-deps", "--ignore-scripts", *wanted],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise StandInMissingError(f"npm could not install it: {done.stderr.strip().splitlines()[-1:]}")
    (folder / ".complete").touch()
    return folder


@contextmanager
def ministack(python: str) -> Iterator[Peer]:
    """ministack, its functions as processes under its own Python, without Docker."""
    import boto3

    with stand_ins.ministack() as endpoint:
        client = boto3.client(
            "lambda",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="k",
            aws_secret_access_key="s",
        )
        client.create_function(
            FunctionName=FUNCTION, Runtime=f"python{python}", Role="arn:aws:iam::000000000000:role/bench",
            Handler="main.handle", Code={"ZipFile": code_zip()}, Timeout=10,
        )  # fmt: skip
        client.get_waiter("function_active_v2").wait(FunctionName=FUNCTION)
        yield Peer(int(endpoint.rpartition(":")[2]), FUNCTION)


PEERS: dict[str, Start] = {"serverless-offline": serverless_offline, "ministack": ministack}
