"""The engine for callers that are not asynchronous and have their functions as zips on disk: an author's tools."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.home import default_home, open_home
from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.spec import Credentials, FunctionSpec

T = TypeVar("T")

_REPORT = re.compile(
    r"^REPORT RequestId: (?P<request_id>\S+)\tDuration: (?P<duration>[\d.]+) ms\t"
    r".*Max Memory Used: (?P<memory>\d+) MB"
    r"(?:\tInit Duration: (?P<init>[\d.]+) ms)?",
)


@dataclass(frozen=True, slots=True)
class Ran:
    """What one call did.

    Attributes:
        lines: What was printed and logged, without Lambda's own lines.
        duration_ms: Of the handler.
        init_ms: Of the import before it; 0 on a warm call.
        max_memory_mb: Highest resident memory of the process so far.
    """

    answer: InvokeAnswer
    lines: tuple[str, ...]
    duration_ms: float
    init_ms: float
    max_memory_mb: int


class Session:
    """An engine on a thread of its own, as a context manager.

    Args:
        store: As the engine's; `home.open_home` gives one.
        unsafe: As the engine's.
        progress: As the engine's; called on the engine's threads.

    Raises:
        EmulatorError: On entering: no means for a sandbox.
    """

    def __init__(
        self, store: Path, *, unsafe: bool = False, progress: Callable[[str], None] = lambda _: None
    ) -> None:
        self._store = store
        self._unsafe = unsafe
        self._progress = progress
        self._functions = _Functions()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._engine: Engine | None = None

    @classmethod
    def of_user(
        cls, environ: Mapping[str, str] = os.environ, *, progress: Callable[[str], None] = lambda _: None
    ) -> Self:
        """A session in this user's own store.

        Raises:
            EmulatorError: The folder cannot be used.
        """
        return cls(open_home(default_home(environ).absolute()), progress=progress)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._engine = self._on_loop(self._make())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._engine is not None:
            self._on_loop(self._engine.close())
        self._stop()

    def invoke(self, spec: FunctionSpec, payload: bytes) -> Ran:
        """Runs one event; the function's process stays for the next one.

        Raises:
            InvokeRefused: It could not be run: no such Python here, a broken zip.
        """
        engine = self._engine
        assert engine is not None, "enter it first"
        return self._on_loop(self._invoke(engine, spec, payload))

    def protections(self) -> list[str]:
        """What stands between a function and this machine, in plain words."""
        assert self._engine is not None, "enter it first"
        found: list[str] = self._engine.status()["protections"]
        return found

    async def _make(self) -> Engine:
        return Engine(
            self._functions, self._functions, store=self._store, unsafe=self._unsafe, progress=self._progress
        )

    async def _invoke(self, engine: Engine, spec: FunctionSpec, payload: bytes) -> Ran:
        key = f"{spec.function_arn}:{spec.revision}"
        self._functions.specs[key] = spec
        # With the tail asked for, all lines of a call are written before it is answered.
        answer = await engine.invoke(key, None, payload, log_tail=True)
        return _ran(answer, self._functions.written.pop(answer.request_id, []))

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Functions:
    """Functions that were handed in, and their log lines by request."""

    def __init__(self) -> None:
        self.specs: dict[str, FunctionSpec] = {}
        self.written: dict[str, list[str]] = {}

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        found = self.specs.get(function)
        if found is None:
            raise InvokeRefused(404, "ResourceNotFoundException", f"Function not found: {function}")
        return found

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        # There is no AWS behind this engine: the workers' endpoint refuses every connection.
        return Credentials("ASIALOCALRUNONLY0000", "none", "none")

    def write(self, spec: FunctionSpec, stream: str, lines: list[LogLine]) -> None:
        # The last line is the engine's own; whatever a function prints comes before it.
        report = _REPORT.match(lines[-1].text)
        if report is not None:
            self.written[report["request_id"]] = [line.text for line in lines]


def _ran(answer: InvokeAnswer, texts: list[str]) -> Ran:
    report = _REPORT.match(texts[-1]) if texts else None
    marks = tuple(f"{word} RequestId: {answer.request_id}" for word in ("START", "END", "REPORT"))
    return Ran(
        answer,
        tuple(text for text in texts if not text.startswith(marks)),
        float(report["duration"]) if report else 0.0,
        float(report["init"] or 0) if report else 0.0,
        int(report["memory"]) if report else 0,
    )
