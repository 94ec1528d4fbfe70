"""Either server in a process of its own: `python -m benchmarks.engine_parts.servers floor|engine PYTHON STORE`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from benchmarks.engine_parts.bare import start_bare
from benchmarks.engine_parts.floor import Floor
from benchmarks.engine_parts.function import KeepLog, OneFunction
from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.front import Front

WORKERS = 2


async def serve(kind: str, source: OneFunction, store: Path) -> None:
    """Serves until standard input says otherwise; each line in is a question, each line out its answer."""
    loop = asyncio.get_running_loop()
    server: Any = await (_Floor.start(source, store) if kind == "floor" else _Ours.start(source, store))
    questions: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(0, lambda: questions.put_nowait(sys.stdin.readline().strip()))
    print(json.dumps({"port": server.port}), flush=True)
    while question := await questions.get():
        print(json.dumps(await getattr(server, question)()), flush=True)
    await server.close()


class _Floor:
    def __init__(self, floor: Floor, port: int) -> None:
        self._floor = floor
        self.port = port

    @classmethod
    async def start(cls, source: OneFunction, store: Path) -> _Floor:
        floor = Floor(source, store)
        for _ in range(WORKERS):
            await floor.start_worker()
        server = await asyncio.get_running_loop().create_server(floor.connection, "127.0.0.1", 0)
        return cls(floor, server.sockets[0].getsockname()[1])

    async def cold(self) -> float:
        """A new worker, from nothing to its first answer."""
        first = _First()
        started = time.perf_counter()
        await self._floor.start_worker()
        self._floor.call_newest(first, b"{}")
        await first.answered
        return (time.perf_counter() - started) * 1000

    async def bare(self) -> float:
        """The same without sandbox, control group or limits."""
        first = _First()
        layout = await self._floor.layout()
        started = time.perf_counter()
        process = await start_bare(self._floor, layout)
        self._floor.call_newest(first, b"{}")
        await first.answered
        took_ms = (time.perf_counter() - started) * 1000
        process.kill()
        process.wait()
        return took_ms

    async def pids(self) -> list[int]:
        return [process.worker_pid for process in self._floor.processes]

    async def close(self) -> None:
        self._floor.close()


class _First:
    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def answer(self, body: bytes) -> None:
        self.answered.set_result(body)


class _Ours:
    def __init__(self, engine: Engine, front: Front, port: int) -> None:
        self._engine = engine
        self._front = front
        self._count = 0
        self.port = port

    @classmethod
    async def start(cls, source: OneFunction, store: Path) -> _Ours:
        engine = Engine(source, KeepLog(), store=store)
        front = Front(engine, upstream=("127.0.0.1", 9))
        port = await front.start("127.0.0.1", 0)
        await asyncio.gather(*(engine.invoke("bench", None, b"{}") for _ in range(WORKERS)))
        return cls(engine, front, port)

    async def cold(self) -> float:
        """A function that has no worker yet, from the call to its answer."""
        self._count += 1
        started = time.perf_counter()
        await self._engine.invoke(f"cold{self._count}", None, b"{}")
        return (time.perf_counter() - started) * 1000

    async def pids(self) -> list[int]:
        return [worker["pid"] for worker in self._engine.status()["workers"]]

    async def close(self) -> None:
        await self._front.close()
        await self._engine.close()


def main() -> None:
    """Entry point."""
    kind, python, store = sys.argv[1:4]
    with TemporaryDirectory(prefix="services-ai-bench-") as folder:
        uvloop.run(serve(kind, OneFunction(Path(folder), python), Path(store)))


if __name__ == "__main__":
    main()
