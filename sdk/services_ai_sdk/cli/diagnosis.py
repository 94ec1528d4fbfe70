"""What this machine has of what the author's commands need, each with the fix where it is missing."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from services_ai_sdk.wire.errors import ServicesAIError


class State(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    MISSING = "missing"
    FAILED = "failed"
    """Unlike `missing` this stops a command."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        text: What was found.
        fix: What to do about it; empty when it is fine.
        more: Particulars, a line each.
    """

    name: str
    state: State
    text: str
    fix: str = ""
    more: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "state": str(self.state)}


def diagnose(environ: Mapping[str, str] = os.environ) -> Iterator[Check]:
    """All checks, each given out as soon as it is known."""
    yield _system()
    runtimes = list(_pythons(environ))
    yield from runtimes
    if not any(check.state is State.OK for check in runtimes):
        yield Check("python", State.FAILED, "no Python that Lambda runs is here", runtimes[0].fix)
    for name, look in (("uv", _uv), ("registry", _registry), ("cache", _cache), ("sandbox", _sandbox)):
        yield _looked(name, look, environ)
    yield _local_cloud(environ)


def _looked(name: str, look: Callable[[Mapping[str, str]], list[str]], environ: Mapping[str, str]) -> Check:
    from services_ai_sdk.emulator.errors import EmulatorError, InvokeRefused

    try:
        text, *more = look(environ)
        return Check(name, State.OK, text, more=tuple(more))
    except ServicesAIError as error:
        return Check(name, State.FAILED, error.message.partition("\n")[0], error.hint)
    except EmulatorError as error:
        return Check(name, State.FAILED, error.message, error.hint)
    except InvokeRefused as error:
        return Check(name, State.FAILED, error.message, error.headers.get("x-services-ai-not-run", ""))
    except OSError as error:
        return Check(
            name, State.FAILED, f"{error.filename or name}: {error.strerror or error}", "make it writable"
        )


def _system() -> Check:
    text = f"{platform.system()} {platform.release()} on {platform.machine()}, Python {platform.python_version()}"
    if sys.platform != "linux":
        return Check(
            "system", State.FAILED, text, "plugins run on Linux: use a virtual machine, WSL 2 or a container"
        )
    return Check("system", State.OK, text)


def _pythons(environ: Mapping[str, str]) -> Iterator[Check]:
    from services_ai_sdk.emulator.errors import InterpreterMissingError
    from services_ai_sdk.emulator.interpreters import find_interpreter, python_of
    from services_ai_sdk.manifest.python import SUPPORTED

    for runtime in SUPPORTED:
        try:
            found = find_interpreter(python_of(runtime), environ)
        except InterpreterMissingError as error:
            yield Check(runtime, State.MISSING, "not on this machine", error.hint)
        else:
            yield Check(runtime, State.OK, f"{found.version} at {found.binary}")


def _uv(_environ: Mapping[str, str]) -> list[str]:
    import subprocess

    from services_ai_sdk.bundler.resolve import find_uv

    program = find_uv()
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    return [f"{done.stdout.strip()} at {program}"]


def _registry(environ: Mapping[str, str]) -> list[str]:
    from packaging.requirements import Requirement

    from services_ai_sdk.bundler.index_settings import IndexSettings
    from services_ai_sdk.bundler.resolve import UvResolver, find_uv
    from services_ai_sdk.bundler.target import target_for
    from services_ai_sdk.manifest.python import SUPPORTED

    started_s = time.perf_counter()
    # Without its cache uv has to ask.
    settings = IndexSettings({**environ, "UV_NO_CACHE": "1"})
    lock = UvResolver(find_uv(), settings, timeout_s=30).resolve(
        [Requirement("packaging")], target_for(SUPPORTED[0])
    )
    took_s = time.perf_counter() - started_s
    return [f"answers: packaging {lock.wheels[0].version} resolved in {took_s:.1f} s"]


def _cache(environ: Mapping[str, str]) -> list[str]:
    from services_ai_sdk.bundler import cache

    folder = cache.cache_folder(environ)
    probe = folder / ".doctor"
    cache.put(probe, [b"ok"])
    cache.remove(probe)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return [f"{folder} ({size / 1e6:,.0f} MB)"]


def _sandbox(environ: Mapping[str, str]) -> list[str]:
    """Runs a function: what is found by looking may still not work."""
    import hashlib

    from services_ai_sdk.bundler.local_function import local_function
    from services_ai_sdk.bundler.pythons import runtimes_here
    from services_ai_sdk.bundler.zipwriter import Item, write_zip
    from services_ai_sdk.emulator.session import Session
    from services_ai_sdk.wire.errors import PlatformError

    runtime = next(runtimes_here(environ), None)
    if runtime is None:
        raise PlatformError("nothing can be run without a Python", hint="install one of those above")
    with TemporaryDirectory(prefix="services-ai-doctor-") as name:
        folder = Path(name)
        code = folder / "code.zip"
        write_zip(code, [Item("main.py", b"def handle(event, context):\n    return 1\n")])
        digest = hashlib.sha256(code.read_bytes()).hexdigest()
        function = local_function(
            name="doctor", handler="main.handle", python=runtime, timeout_s=10, memory_mb=128,
            code=(digest, code), layer=None, workspace=folder,
        )  # fmt: skip
        with Session.of_user(environ) as session:
            ran = session.invoke(function, b"{}")
            protections = session.protections()
    if ran.answer.function_error:
        raise PlatformError(f"a function failed in the sandbox: {ran.answer.payload.decode()[:300]}")
    return [f"a function ran on {runtime} (start {ran.init_ms:.0f} ms), with:", *protections]


def _local_cloud(environ: Mapping[str, str]) -> Check:
    from services_ai_sdk.emulator.home import default_home

    try:
        found = json.loads((default_home(environ) / "cloud.json").read_text())
        alive = Path(f"/proc/{int(found['pid'])}").is_dir()
        text = f"runs at http://127.0.0.1:{int(found['port'])}"
    except (OSError, ValueError, KeyError, TypeError):
        alive, text = False, ""
    if alive:
        return Check("local cloud", State.OK, text)
    return Check(
        "local cloud", State.MISSING, "none runs", "services-ai-admin local up --detach (part of the platform)"
    )
