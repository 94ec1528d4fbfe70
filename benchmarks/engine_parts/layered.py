"""Workers with one layer of the sandbox switched off, driven by nothing but the floor's own protocol."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.engine_parts.floor import Runtime
from benchmarks.engine_parts.function import OneFunction
from services_ai_sdk.emulator.bubblewrap import find_bubblewrap, uid_of
from services_ai_sdk.emulator.cgroups import MemoryGroup, MemoryGroups
from services_ai_sdk.emulator.egress import Egress, WorkerEgress
from services_ai_sdk.emulator.environment import worker_environment
from services_ai_sdk.emulator.launch import Process, listens, spawn
from services_ai_sdk.emulator.network_rules import NetworkRules
from services_ai_sdk.emulator.sandbox import BubblewrapSandbox, Command, NoSandbox
from services_ai_sdk.emulator.spec import FunctionSpec, SandboxProfile
from services_ai_sdk.emulator.store import Layout, Store

ALL, BARE, GROUP, PROXY = "all layers", "all of them (bare)", "memory group", "proxy"
Edit = Callable[[Command], Command]


def _namespaces(*left: str) -> Edit:
    """Only those, beside users and files, which everything else needs."""

    def edit(command: Command) -> Command:
        arguments = [part for part in command.arguments if part != "--unshare-all"]
        arguments[:0] = [f"--unshare-{name}" for name in left]
        if "uts" not in left:
            at = arguments.index("--hostname")
            del arguments[at : at + 2]
        command = dataclasses.replace(command, arguments=tuple(arguments))
        # On this machine's own loopback the usual ports are somebody's.
        return command if "net" in left else _options(command, ports=[0, 0, 0])

    return edit


def _options(command: Command, **changed: object) -> Command:
    options = json.loads(command.argv[-1]) | changed
    return dataclasses.replace(command, argv=(*command.argv[:-1], json.dumps(options)))


EDITS: dict[str, Edit] = {
    ALL: lambda command: command,
    "network namespace": _namespaces("pid", "ipc", "uts", "cgroup-try"),
    "IPC, host name, cgroup namespaces": _namespaces("pid", "net"),
    "system-call filter": lambda command: dataclasses.replace(command, filter=b""),
    "limits": lambda command: _options(command, limits={}),
    GROUP: lambda command: command,
    PROXY: lambda command: _options(command, ports=json.loads(command.argv[-1])["ports"][:2]),
    BARE: lambda command: command,
}


class Layered:
    """Starts workers, each without one layer.

    Args:
        source: The function.
        store: Where Pythons are kept.
    """

    def __init__(self, source: OneFunction, store: Path) -> None:
        self._source = source
        self._store = Store(store, lambda _: None)
        self._groups = MemoryGroups()
        self._sandbox = BubblewrapSandbox(find_bubblewrap(store), store, memory_in_group=self._groups.version > 0)
        self._sandbox.write_inside()
        profile = SandboxProfile(network="hosts", hosts=("api.example.com",))
        self._spec: FunctionSpec = source.spec().replace(profile=profile)
        self._layout: Layout | None = None
        self._egress = Egress()

    def layers(self) -> list[str]:
        """Those that there are here."""
        return [name for name in EDITS if name != GROUP or self._groups.version > 0]

    async def start(self, layer: str) -> LayeredWorker:
        """A worker without that layer, ready for its first call."""
        loop = asyncio.get_running_loop()
        if self._layout is None:
            self._layout = await loop.run_in_executor(None, self._store.lay_out, self._spec)
        layout, spec = self._layout, self._spec
        sandbox = NoSandbox() if layer == BARE else self._sandbox
        credentials = await self._source.credentials(spec)
        environment = worker_environment(
            spec, credentials, "bench", sandbox.places, layout.runtime.minor, proxied=layer not in (BARE, PROXY)
        )
        command = EDITS[layer](sandbox.command(spec, layout, environment))
        worker = LayeredWorker(spawn(command, uid_of(1) if command.sandboxed else None))
        process = worker.process
        await listens(process, loop)
        assert process.runtime_api is not None
        worker.servers.append(await loop.create_server(lambda: Runtime(worker), sock=process.runtime_api))
        if process.proxy is not None:
            rules = NetworkRules(spec.profile.network, spec.profile.hosts)
            proxy = WorkerEgress(rules, self._egress, lambda: None, lambda _: None)
            worker.servers.append(await loop.create_server(proxy.connection, sock=process.proxy))
        if layer not in (BARE, GROUP):
            worker.group = self._groups.make(spec.memory_mb)
        if worker.group is not None:
            await worker.group.attach(process.worker_pid)
        process.go()
        await worker.parked
        return worker

    def end(self, worker: LayeredWorker) -> None:
        """Ends one."""
        for server in worker.servers:
            server.close()
        worker.process.kill()
        worker.process.close()
        if worker.group is not None:
            self._groups.drop(worker.group)

    def close(self) -> None:
        """Removes the groups of workers that have ended."""
        with contextlib.suppress(OSError):
            self._groups.sweep()
        self._groups.close()


class LayeredWorker:
    """One worker and its runtime client."""

    def __init__(self, process: Process) -> None:
        self._loop = asyncio.get_running_loop()
        self.process = process
        self.group: MemoryGroup | None = None
        self.servers: list[asyncio.AbstractServer] = []
        self.parked: asyncio.Future[None] = self._loop.create_future()
        self._runtime: Runtime | None = None
        self._answered: asyncio.Future[bytes] = self._loop.create_future()

    def park(self, runtime: Runtime) -> None:
        """The runtime asks for work."""
        self._runtime = runtime
        if not self.parked.done():
            self.parked.set_result(None)

    def leave(self, runtime: Runtime) -> None:
        """It is gone."""
        self._runtime = None

    def answer(self, body: bytes) -> None:
        """The handler's."""
        self._answered.set_result(body)

    async def call(self, body: bytes) -> float:
        """One call; milliseconds from its request to its answer."""
        await self.parked
        assert self._runtime is not None
        self.parked, self._answered = self._loop.create_future(), self._loop.create_future()
        started_s = time.perf_counter()
        self._runtime.give(self, body)
        await self._answered
        return (time.perf_counter() - started_s) * 1000
