"""An engine that lacks some of its protections, and attempts run in its workers."""

from __future__ import annotations

import json
import tempfile
import time
import zipfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from services_ai_sdk.bundler.inspect import Inspector
from services_ai_sdk.bundler.package import build_package
from services_ai_sdk.bundler.runtime_layer import SDK, runtime_files
from services_ai_sdk.emulator.spec import SandboxProfile
from services_ai_sdk.wire.envelope import Envelope
from services_ai_sdk.wire.errors import ServicesAIError
from tests.contract.emulator.emulators import RUNTIME, Emulator, answer_of, shared_store, wait_until, zip_of
from tests.isolation.attempts.attempt import Attempt
from tests.isolation.stripped import WRAPPER, engine_options

_FOLDER = Path(__file__).parent / "attempts"
_MAIN = """
import importlib, time
from attempts import attempt, {modules}

def handle(event, context):
    if "sleep_s" in event:
        time.sleep(event["sleep_s"])
        return None
    given = {{**event["given"], "request_id": context.aws_request_id}}
    wanted = next(each for each in attempt.ALL if each.name == event["name"])
    if event["before"]:
        wanted.before(given)
        return None
    return wanted.attempted(given)
"""
_OTHER = "TEXT = 'the code of another function'\ndef handle(event, context): return TEXT"
_ENTRY = """import os
# Or the module would load the plugin while it is imported, with everything on.
api = os.environ.pop("AWS_LAMBDA_RUNTIME_API")
from services_ai_sdk.plugin.handler import PluginRuntime
os.environ["AWS_LAMBDA_RUNTIME_API"] = api
handle = PluginRuntime(**{switches}).handle
"""
_MANIFEST = {
    "name": "Demo", "version": "1.0.0", "description": "Tries something.", "author": "A", "email": "a@example.com",
    "python": RUNTIME,
}  # fmt: skip
_HARMLESS = """from services_ai_sdk import ServicesAIPlugin, hookimpl


class Demo(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead):
        return 1
"""
_STOPPED_BY = ("ImportError", "FileNotFoundError", "AssertionError")
_LEFT_IS_SEEN_S = 0.3


class Outcome(NamedTuple):
    """What came of an attempt.

    Attributes:
        did: Whether it worked.
        detail: What it got, or what stopped it.
    """

    did: bool
    detail: str


class Inside:
    """One engine for many attempts.

    Args:
        folder: For zips.
        without: Names of the protections that it lacks.
        machine: What `machine.machine` made.
    """

    def __init__(self, folder: Path, without: Iterable[str], machine: Mapping[str, Any]) -> None:
        self._emulator = Emulator(folder, **engine_options(without))
        self._without = tuple(without)
        self._folder = folder
        self._functions: dict[str, str] = {}
        other = self._emulator.add("other", _OTHER)
        assert self._emulator.call("other").error is None
        code = shared_store() / "trees" / other.code.sha256
        upstream = self._emulator.aws.server
        assert upstream is not None
        self._given = {
            **machine,
            "front": self._emulator.port,
            "upstream": upstream.sockets[0].getsockname()[1],
            "other_code": str(next(shared_store().glob(f"**/{other.code.sha256}*/**/main.py"), code)),
        }

    def close(self) -> None:
        """Ends it."""
        self._emulator.close()

    def run(self, attempt: Attempt) -> Outcome:
        """One attempt in a worker.

        Raises:
            AssertionError: It is broken: neither did it work nor did anything stop it.
        """
        if attempt.plugin:
            return self._run_plugin(attempt)
        name = self._function(attempt)
        if attempt.before is not None:
            before = self._emulator.call(name, {"name": attempt.name, "before": True, "given": self._given})
            assert before.error is None, f"{attempt.name}: {before.payload!r}"
            time.sleep(_LEFT_IS_SEEN_S)
        given = dict(self._given)
        with ThreadPoolExecutor(1) as pool:
            if attempt.area == "processes":
                # A call of another tenant, which runs beside it in a worker of its own.
                client = self._emulator.client
                pool.submit(
                    lambda: answer_of(
                        client.invoke(FunctionName=name, Payload=json.dumps({"sleep_s": 1}).encode())
                    )
                )
                given["other_worker"] = wait_until(lambda: self._busy_pid(name), "a worker that sleeps")
            answer = self._emulator.call(name, {"name": attempt.name, "before": False, "given": given})
        if answer.error is not None:
            kind = str(answer.value.get("errorType"))
            if kind == "did it":
                return Outcome(True, str(answer.value["errorMessage"]))
            # What ends the process is no error of the attempt's own code.
            assert kind in ("Runtime.ExitError", "Runtime.OutOfMemory", "Sandbox.Timedout"), (
                f"{attempt.name} is broken: {answer.payload!r}"
            )
            return Outcome(False, kind)
        said, detail = answer.value
        if attempt.log_line:
            assert said == "did it"
            found = attempt.log_line in answer.log.split("\n")
            return Outcome(found, "it stands in the log" if found else "marked, or written out")
        return Outcome(said == "did it", detail)

    def _run_plugin(self, attempt: Attempt) -> Outcome:
        """As a plugin that was submitted: first its package is looked at, then the wrapper calls its hook."""
        package = packaged(attempt, self._folder)
        if "intake" not in self._without:
            try:
                Inspector().inspect(package, None)
            except ServicesAIError as error:
                codes = {str(each["code"]) for each in error.details.get("findings", [])} or {str(error.code)}
                return Outcome(False, f"intake: {', '.join(sorted(codes))}")
        switches = {key: value for name in self._without for key, value in WRAPPER.get(name, {}).items()}
        with zipfile.ZipFile(package) as archive:
            code: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
        code["entry.py"] = _ENTRY.format(switches=switches)
        runtime: dict[str, str | bytes] = {
            f"python/services_ai_sdk/{path.relative_to(SDK)}": path.read_bytes() for path in runtime_files()
        }
        name = f"plugin-{len(self._functions)}"
        self._functions[attempt.name] = name
        self._emulator.add(name, code, layers=[runtime], handler="entry.handle")
        if attempt.before is not None:
            before = self._emulator.call(name, _envelope(tenant="a", before=True))
            assert before.error is None, before.payload
        answer = self._emulator.call(name, _envelope(tenant="b", before=False))
        if answer.error is None:
            return Outcome(True, str(answer.value["value"]))
        failure = json.loads(answer.value["errorMessage"])
        assert failure["type"] in _STOPPED_BY, f"{attempt.name} is broken: {failure}"
        return Outcome(False, f"{failure['type']}: {failure['message']}")

    def _busy_pid(self, name: str) -> int:
        workers = self._emulator.engine.status()["workers"]
        found = [each for each in workers if each["function"] == name and each["state"] == "busy"]
        pid: int = found[0]["pid"] if found else 0
        return pid

    def _function(self, attempt: Attempt) -> str:
        """A function for this attempt, shared with others that ask for no function of their own."""
        own = bool(attempt.files or attempt.layer_files or attempt.before)
        key = attempt.name if own else json.dumps(attempt.spec, sort_keys=True)
        if key not in self._functions:
            name = self._functions[key] = f"attempts-{len(self._functions)}"
            profile = {k: v for k, v in attempt.spec.items() if k in SandboxProfile.__slots__}
            spec = {k: v for k, v in attempt.spec.items() if k not in profile}
            self._emulator.add(
                name,
                {**attempts_code(), **attempt.files},
                layers=[attempt.layer_files] if attempt.layer_files else (),
                profile=SandboxProfile(**profile),
                timeout_s=20,
                **spec,
            )
        return self._functions[key]


def packaged(attempt: Attempt, folder: Path) -> Path:
    """A package as somebody may submit it who does not use `package`, which would refuse it already."""
    source = Path(tempfile.mkdtemp(dir=folder))
    (source / "manifest.json").write_text(json.dumps(_MANIFEST))
    (source / "main.py").write_text(_HARMLESS)
    built = build_package(source, source / "out").package
    with zipfile.ZipFile(built) as archive:
        content: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    built.write_bytes(zip_of({**content, **attempt.plugin}))
    return built


def _envelope(*, tenant: str, before: bool) -> dict[str, Any]:
    args = {"lead": {"before": before}}
    return Envelope("i", "e", "lead_created", "sync", "demo", "1.0.0", 1, args, tenant=tenant).to_dict()


def attempts_code() -> dict[str, str | bytes]:
    """The files of a function that holds all attempts."""
    modules = {path.stem: path.read_bytes() for path in sorted(_FOLDER.glob("*.py"))}
    names = ", ".join(name for name in modules if name not in ("__init__", "attempt"))
    return {"main.py": _MAIN.format(modules=names)} | {
        f"attempts/{name}.py": text for name, text in modules.items()
    }
