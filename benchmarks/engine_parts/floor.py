"""The floor: the smallest server that can drive awslambdaric, its workers in the very same sandbox.

No limits, logs, time-outs, reports or checks: a request's body goes to a parked runtime, its answer back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Protocol, cast

import httptools

from benchmarks.engine_parts.function import OneFunction
from services_ai_sdk.emulator.bubblewrap import find_bubblewrap, uid_of
from services_ai_sdk.emulator.cgroups import MemoryGroups
from services_ai_sdk.emulator.environment import worker_environment
from services_ai_sdk.emulator.launch import Process, listens, spawn
from services_ai_sdk.emulator.sandbox import BubblewrapSandbox
from services_ai_sdk.emulator.store import Layout, Store


class Floor:
    """Workers and the requests that wait for them."""

    def __init__(self, source: OneFunction, store: Path) -> None:
        self._source = source
        self._store = Store(store, lambda _: None)
        self._groups = MemoryGroups()
        self._sandbox = BubblewrapSandbox(find_bubblewrap(store), store, memory_in_group=self._groups.version > 0)
        self._sandbox.write_inside()
        self._parked: deque[Runtime] = deque()
        self._waiting: deque[tuple[Caller, bytes]] = deque()
        self._layout: Layout | None = None
        self._first_park: asyncio.Future[None] | None = None
        self.processes: list[Process] = []

    async def layout(self) -> Layout:
        """What the function is made of: found once, as the engine does; checking it costs more than a start."""
        if self._layout is None:
            loop = asyncio.get_running_loop()
            self._layout = await loop.run_in_executor(None, self._store.lay_out, self._source.spec())
        return self._layout

    async def start_worker(self) -> None:
        """One more worker, ready when this returns."""
        loop = asyncio.get_running_loop()
        spec = self._source.spec()
        layout = await self.layout()
        credentials = await self._source.credentials(spec)
        environment = worker_environment(spec, credentials, "floor", self._sandbox.places, layout.runtime.minor)
        process = spawn(self._sandbox.command(spec, layout, environment), uid_of(1))
        self.processes.append(process)
        await listens(process, loop)
        group = self._groups.make(spec.memory_mb)
        assert process.runtime_api is not None
        await loop.create_server(lambda: Runtime(self), sock=process.runtime_api)
        if group is not None:
            await group.attach(process.worker_pid)
        parked = self.next_park()
        process.go()
        await parked

    def next_park(self) -> asyncio.Future[None]:
        """Done when the next runtime asks for work."""
        self._first_park = asyncio.get_running_loop().create_future()
        return self._first_park

    def call(self, caller: Caller, body: bytes) -> None:
        """A request."""
        if self._parked:
            self._parked.popleft().give(caller, body)
        else:
            self._waiting.append((caller, body))

    def park(self, runtime: Runtime) -> None:
        """A runtime asks for work."""
        if self._waiting:
            runtime.give(*self._waiting.popleft())
        else:
            self._parked.append(runtime)
        if self._first_park is not None and not self._first_park.done():
            self._first_park.set_result(None)

    def leave(self, runtime: Runtime) -> None:
        """A runtime is gone."""
        if runtime in self._parked:
            self._parked.remove(runtime)

    def call_newest(self, caller: Caller, body: bytes) -> None:
        """A request for the worker that parked last."""
        self._parked.pop().give(caller, body)

    def close(self) -> None:
        """Ends the workers."""
        for process in self.processes:
            process.kill()
            process.close()

    def connection(self) -> asyncio.Protocol:
        """For a caller."""
        return _Caller(self)


class Caller(Protocol):
    """Whoever waits for an answer."""

    def answer(self, body: bytes) -> None:
        """The handler's response."""


class _Http(asyncio.Protocol):
    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.url = b""
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_body(self, body: bytes) -> None:
        self.body += body


class _Caller(_Http):
    def __init__(self, floor: Floor) -> None:
        super().__init__()
        self._floor = floor

    def on_message_complete(self) -> None:
        body, self.body = self.body, b""
        self._floor.call(self, body)

    def answer(self, body: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                + body
            )


class Parks(Protocol):
    """Who gives runtimes their work."""

    def park(self, runtime: Runtime) -> None:
        """A runtime asks for work."""

    def leave(self, runtime: Runtime) -> None:
        """A runtime is gone."""


class Runtime(_Http):
    """One runtime client's connection."""

    def __init__(self, floor: Parks) -> None:
        super().__init__()
        self._floor = floor
        self._caller: Caller | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended."""
        self._floor.leave(self)

    def give(self, caller: Caller, body: bytes) -> None:
        """A request for it."""
        self._caller = caller
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 1\r\n"
            b"Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: arn\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )

    def on_message_complete(self) -> None:
        """It asks for work, or answers."""
        body, self.body = self.body, b""
        if self.url.endswith(b"/next"):
            self._floor.park(self)
            return
        self.transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        assert self._caller is not None
        self._caller.answer(body)
