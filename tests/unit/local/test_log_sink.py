from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from infra.local import log_sink
from infra.local.log_sink import CloudWatchLogSink
from infra.local.moto_client import MotoRefused
from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.spec import Artifact, FunctionSpec

SPEC = FunctionSpec(
    "f", "arn", "1", "r", "h", "python3.11", 1, 128, {}, Artifact("0", Path("/0.zip")), (), "/aws/lambda/f", "role"
)


class Moto:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.batches: list[dict[str, Any]] = []

    async def call(self, operation: str, **request: Any) -> Any:
        if self.error is not None:
            raise self.error
        self.batches += request["batches"]
        return {}


def lines(*texts: str) -> list[LogLine]:
    return [LogLine(1000 + number, text) for number, text in enumerate(texts)]


def test_lines_reach_moto_and_the_file(tmp_path: Path) -> None:
    moto = Moto()

    async def scenario() -> None:
        sink = CloudWatchLogSink(moto, tmp_path)
        sink.write(SPEC, "one", lines("a", "b\n"))
        sink.write(SPEC, "two", lines("\ud800 lone"))
        await sink.flush()

    asyncio.run(scenario())
    assert [(one["group"], one["stream"], [e["message"] for e in one["events"]]) for one in moto.batches] == [
        ("/aws/lambda/f", "one", ["a", "b\n"]),
        ("/aws/lambda/f", "two", ["\ud800 lone"]),
    ]
    assert (tmp_path / "f.log").read_text().splitlines()[:2] == ["a", "b"]


def test_ending_writes_what_is_left(tmp_path: Path) -> None:
    moto = Moto()

    async def scenario() -> None:
        sink = CloudWatchLogSink(moto, tmp_path)
        task = asyncio.create_task(sink.run())
        await asyncio.sleep(0)
        sink.write(SPEC, "s", lines("last words"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())
    assert len(moto.batches) == 1


def test_a_flood_is_cut_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(log_sink, "PENDING_MAX_LINES", 3)
    moto = Moto()

    async def scenario() -> None:
        sink = CloudWatchLogSink(moto, tmp_path)
        sink.write(SPEC, "s", lines("a", "b", "c", "d", "e"))
        sink.write(SPEC, "s", lines("f"))
        await sink.flush()

    asyncio.run(scenario())
    assert len(moto.batches[0]["events"]) == 3
    assert "3 log lines were dropped" in capsys.readouterr().err


def test_what_moto_refuses_is_said_and_kept_in_the_file(tmp_path: Path, capsys: Any) -> None:
    async def scenario() -> None:
        sink = CloudWatchLogSink(Moto(MotoRefused(500, "InternalFailure", "no")), tmp_path)
        sink.write(SPEC, "s", lines("a"))
        await sink.flush()

    asyncio.run(scenario())
    assert "1 log lines did not reach CloudWatch Logs: no" in capsys.readouterr().err
    assert (tmp_path / "f.log").read_text() == "a\n"


def test_a_large_file_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_sink, "FILE_MAX_BYTES", 3)

    async def scenario() -> None:
        sink = CloudWatchLogSink(Moto(), tmp_path)
        for text in ("abcdef", "x"):
            sink.write(SPEC, "s", lines(text))
            await sink.flush()

    asyncio.run(scenario())
    assert (tmp_path / "f.log.1").read_text() == "abcdef\n"
    assert (tmp_path / "f.log").read_text() == "x\n"
