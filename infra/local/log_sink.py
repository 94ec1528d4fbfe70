"""Functions' log lines into CloudWatch Logs and a file each, off the call's path."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from pathlib import Path

from infra.local.moto_client import MotoRefused, Operations
from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.spec import FunctionSpec
from services_ai_sdk.wire.errors import PlatformError

PENDING_MAX_LINES = 50_000
"""Beyond it lines are dropped and counted: a function that floods must not fill the memory."""

FLUSH_EVERY_S = 0.2
BATCH_MAX_LINES = 2_000
FILE_MAX_BYTES = 16 * 1024 * 1024
"""A function's file starts anew beyond it; one older file is kept beside it."""


class CloudWatchLogSink:
    """`LogSink` of the emulator.

    Args:
        moto: Private operations.
        folder: Gets `<function>.log`.
    """

    def __init__(self, moto: Operations, folder: Path) -> None:
        self._moto = moto
        self._folder = folder
        self._pending: list[tuple[FunctionSpec, str, LogLine]] = []
        self._dropped = 0
        self._more = asyncio.Event()

    def write(self, spec: FunctionSpec, stream: str, lines: list[LogLine]) -> None:
        """Takes lines; never waits, never raises."""
        room = PENDING_MAX_LINES - len(self._pending)
        self._pending += [(spec, stream, line) for line in lines[:room]]
        self._dropped += max(0, len(lines) - room)
        self._more.set()

    async def run(self) -> None:
        """Writes until cancelled; then writes what is left."""
        try:
            while True:
                await self._more.wait()
                await asyncio.sleep(FLUSH_EVERY_S)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Writes what is pending. What moto refuses stays in the file and is said in the local cloud's log."""
        while self._pending:
            batch, self._pending = self._pending[:BATCH_MAX_LINES], self._pending[BATCH_MAX_LINES:]
            grouped: dict[tuple[str, str, str, str], list[LogLine]] = defaultdict(list)
            by_function: dict[str, list[str]] = defaultdict(list)
            for spec, stream, line in batch:
                grouped[spec.log_group, stream, spec.region, spec.account_id].append(line)
                by_function[spec.function_name].append(line.text)
            self._write_files(by_function)
            batches = [
                {
                    "group": group,
                    "stream": stream,
                    "region": region,
                    "account_id": account_id,
                    "events": [{"timestamp": line.timestamp_ms, "message": line.text} for line in lines],
                }
                for (group, stream, region, account_id), lines in grouped.items()
            ]
            try:
                await self._moto.call("logs", batches=batches)
            except (MotoRefused, PlatformError) as error:
                sys.stderr.write(f"{len(batch)} log lines did not reach CloudWatch Logs: {error}\n")
        if self._dropped:
            sys.stderr.write(
                f"{self._dropped} log lines were dropped: functions print faster than they can be kept\n"
            )
            self._dropped = 0
        self._more.clear()

    def _write_files(self, by_function: dict[str, list[str]]) -> None:
        for name, lines in by_function.items():
            path = self._folder / f"{name}.log"
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write("".join(f"{line.rstrip()}\n" for line in lines))
                full = file.tell() > FILE_MAX_BYTES
            if full:
                path.replace(path.with_suffix(".log.1"))
