"""The engine's process: `python -m infra.local.daemon`, started by `lifecycle`.

Reads its options from the first line of standard input. It ends on SIGTERM, when moto's process ends, and when the
launcher is gone before it said that the local cloud shall outlive it.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from infra.local.bells import Bells
from infra.local.control import ControlLine
from infra.local.destinations import LOCAL_WAITS, MotoDestinations
from infra.local.iam.guard import IamGuard, is_owner
from infra.local.iam.knowledge import ForgetOnChange, Knowledge
from infra.local.iam.roles import Roles
from infra.local.iam.sources import SourcesNeedPermission
from infra.local.log_sink import CloudWatchLogSink
from infra.local.middleware import FrontKey, LongPoll, RingBells
from infra.local.moto_client import MotoClient, MotoProcess
from infra.local.moto_ops.functions import ACCOUNT_ID, REGION
from infra.local.pollers import Pollers
from infra.local.port_holder import port_holder
from infra.local.snapshots.folder import forget
from infra.local.snapshots.wording import found_lines
from infra.local.source import MotoFunctionSource
from infra.local.state import ALREADY_RUNNING, CloudInfo, StateDir, process_started
from infra.local.status_page import StatusPage
from infra.local.triggers import Triggers
from infra.local.worker_calls import NothingOfMotos
from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.errors import EmulatorError
from services_ai_sdk.emulator.front import Front
from services_ai_sdk.emulator.http import Middleware
from services_ai_sdk.emulator.pool import WORKERS_MAX
from services_ai_sdk.emulator.ports import FunctionSource
from services_ai_sdk.wire.errors import PlatformError, ServicesAIError

if TYPE_CHECKING:
    from infra.local.faults.middleware import Faults


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """What the launcher asks for."""

    state_dir: str
    port: int
    stack: str
    unsafe: bool = False
    fresh: bool = False
    faults: str = ""
    fault_profile: str = ""
    iam: bool = True


class Daemon:
    """One local cloud: engine, front, moto's process, pollers.

    Args:
        options: What the launcher asked for.
        state: Its directory, whose lock this process holds.
        control: The line to the launcher.
    """

    def __init__(self, options: DaemonOptions, state: StateDir, control: ControlLine) -> None:
        self._options = options
        self._state = state
        self._control = control
        self._info: CloudInfo | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    async def run(self) -> int:
        """Serves until the end; returns the exit status."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        self._control.listen()
        moto = MotoProcess(self._state.store, self._state.snapshots, sys.stderr.buffer)
        try:
            self._control.send("progress", text="starting moto")
            if self._options.fresh and forget(self._state.snapshots):
                self._control.send("progress", text="the state of the local cloud before is forgotten")
            client = await moto.start()
            for line in found_lines(moto.found):
                self._control.send("progress", text=line)
                sys.stderr.write(f"{line}\n")
            engine, front = await self._serve(client, moto.found["outputs"].get(self._options.stack, {}))
        except (ServicesAIError, EmulatorError) as error:
            await moto.stop()
            self._control.send("failed", error=_as_dict(error))
            return 3
        ended = asyncio.create_task(moto.wait())
        stopped = asyncio.create_task(stop.wait())
        commands = asyncio.create_task(self._obey(stop))
        await asyncio.wait({ended, stopped, commands}, return_when=asyncio.FIRST_COMPLETED)
        failed = ended.done()
        if failed:
            sys.stderr.write(
                f"the moto process ended with status {ended.result()}: the local cloud ends with it\n"
            )
        if commands.done() and not commands.cancelled() and commands.exception() is not None:
            raise commands.exception() or AssertionError
        self._state.clear()
        for task in (commands, stopped, *self._tasks):
            task.cancel()
        await front.close()
        await engine.close()
        await asyncio.gather(commands, stopped, *self._tasks, return_exceptions=True)
        client.close()
        await moto.stop()
        return 1 if failed else 0

    async def _serve(self, moto: MotoClient, outputs: dict[str, str]) -> tuple[Engine, Front]:
        loop = asyncio.get_running_loop()
        bells = Bells()
        knowledge = Knowledge(moto)
        guards: tuple[Middleware, ...] = ()
        sources: tuple[Middleware, ...] = ()
        roles = None
        if self._options.iam:
            roles = Roles(knowledge, ACCOUNT_ID, _now)
            guards = (IamGuard(knowledge, ACCOUNT_ID, _now),)
            sources = (SourcesNeedPermission(knowledge, roles),)
        # Pollers run at once, and what they call may need the platform that is there.
        source: FunctionSource = MotoFunctionSource(
            moto, lambda: self._artifact_bucket() or outputs.get("ArtifactBucket", "")
        )
        faults, inject = self._faults(), None
        if faults is not None:
            from infra.local.faults.middleware import InjectFaults, SourceWithFaults

            inject = InjectFaults(faults, source, lambda delay_s: loop.call_later(delay_s, engine.invalidate))
            source = SourceWithFaults(source, faults)
        sink = CloudWatchLogSink(moto, self._state.logs)
        engine = Engine(
            source,
            sink,
            store=self._state.store,
            unsafe=self._options.unsafe,
            progress=lambda line: self._control.send("progress", text=line),
            destinations=MotoDestinations(moto, bells, roles),
            event_waits=LOCAL_WAITS,
        )
        pollers = Pollers(moto, engine, bells, WORKERS_MAX)
        front = Front(
            engine,
            upstream=("127.0.0.1", moto.port),
            middleware=(
                StatusPage(functools.partial(_status, engine, pollers, moto, faults, iam=self._options.iam)),
                ForgetOnChange(knowledge),
                *_if_any(inject),
                RingBells(bells, engine.invalidate),
                LongPoll(moto, bells),
                *sources,
                FrontKey(moto.front_key),
            ),
            worker_guards=(NothingOfMotos(), *guards),
            guards=guards,
            trusted=is_owner if self._options.iam else lambda _: True,
        )
        try:
            port = await front.start("127.0.0.1", self._options.port)
        except OSError as error:
            await engine.close()
            raise taken(self._options.port) from error
        triggers = Triggers(moto, engine, bells.queues)
        self._tasks += [asyncio.create_task(task.run()) for task in (sink, pollers, triggers)]
        for task in self._tasks:
            task.add_done_callback(self._on_end)
        self._info = CloudInfo(
            pid=os.getpid(),
            pid_started=process_started(os.getpid()),
            port=port,
            stack=self._options.stack,
            region=REGION,
            account_id=ACCOUNT_ID,
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            outputs=outputs,
            unsafe=self._options.unsafe,
            faults=self._options.faults,
            iam=self._options.iam,
            state_dir=str(self._state.path),
        )
        self._control.send("listening", info=self._info.to_dict())
        return engine, front

    def _faults(self) -> Faults | None:
        if not self._options.faults:
            return None
        from infra.local.faults.middleware import Faults
        from infra.local.faults.profile import FaultProfile

        return Faults(self._options.faults, FaultProfile.model_validate_json(self._options.fault_profile))

    def _artifact_bucket(self) -> str:
        # A platform that was deployed later is known from what the launcher wrote.
        info = self._info if self._info is not None and self._info.outputs else self._state.read()
        return info.outputs.get("ArtifactBucket", "") if info is not None else ""

    def _on_end(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        # Without pollers or logs the cloud would lie: end, and say why in the log.
        asyncio.get_running_loop().call_exception_handler(
            {"message": "local cloud", "exception": task.exception()}
        )
        os.kill(os.getpid(), signal.SIGTERM)

    async def _obey(self, stop: asyncio.Event) -> None:
        while True:
            command = await self._control.commands.get()
            if command is None:
                if self._control.detached:
                    await stop.wait()
                return
            if command["command"] == "ready":
                assert self._info is not None
                self._info = replace(self._info, outputs=command["outputs"])
                self._state.write(self._info)
                self._control.send("ready")


async def _status(
    engine: Engine, pollers: Pollers, moto: MotoClient, faults: Faults | None, *, iam: bool
) -> dict[str, Any]:
    status = {**engine.status(), "queues": await moto.call("queues"), "pollers": pollers.status(), "iam": iam}
    return status if faults is None else {**status, "faults": faults.status()}


def _if_any(middleware: Middleware | None) -> tuple[Middleware, ...]:
    return () if middleware is None else (middleware,)


def _now() -> datetime:
    return datetime.now(UTC)


def taken(port: int) -> PlatformError:
    """The error for a port that somebody else holds."""
    return PlatformError(
        f"port {port} is taken by {port_holder(port)}",
        code="port-taken",
        hint="end that process, or choose another port: services-ai-admin local up --port N",
        details={"port": port},
    )


def _as_dict(error: ServicesAIError | EmulatorError) -> dict[str, Any]:
    if isinstance(error, ServicesAIError):
        return error.to_dict()
    return PlatformError(error.message, code="emulator", hint=error.hint).to_dict()


def main() -> int:
    """Runs the daemon."""
    control = ControlLine()
    options = DaemonOptions(**json.loads(_first_line()))
    state = StateDir(Path(options.state_dir))
    lock = state.lock()
    if lock is None:
        control.send(
            "failed", error=PlatformError("another local cloud is starting", code=ALREADY_RUNNING).to_dict()
        )
        return 3
    with lock:
        os.ftruncate(2, 0)  # the log of the one before
        return uvloop.run(Daemon(options, state, control).run())


def _first_line() -> bytes:
    # Byte by byte: what follows belongs to the control line.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


if __name__ == "__main__":
    sys.exit(main())
