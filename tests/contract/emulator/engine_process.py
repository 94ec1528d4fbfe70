"""A process that holds an engine, for a test to kill: prints its workers' pids, then waits."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop

from tests.contract.emulator.emulators import ARN, Functions, Log, artifact, shared_store


async def main(folder: Path) -> None:
    from services_ai_sdk.emulator.engine import Engine
    from services_ai_sdk.emulator.spec import FunctionSpec
    from tests.contract.emulator.emulators import CODE

    functions = Functions()
    code = artifact(folder, {"workers.py": (CODE / "workers.py").read_bytes()})
    functions.specs["f", None] = FunctionSpec(
        "f", f"{ARN}f", "1", "1", "workers.spawns_and_hangs", "python3.11", 600, 128, {}, code, (), "/f", "role"
    )
    engine = Engine(functions, Log(), store=shared_store())
    calls = [asyncio.create_task(engine.invoke("f", None, b'{"seconds": 600}')) for _ in range(2)]
    while len([worker for worker in engine.status()["workers"] if worker["state"] == "busy"]) < 2:
        await asyncio.sleep(0.01)
    print(json.dumps([worker["pid"] for worker in engine.status()["workers"]]), flush=True)
    await asyncio.gather(*calls)


uvloop.run(main(Path(sys.argv[1])))
