"""The engine: Invoke over sandboxed workers that run AWS's own runtime client."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services_ai_sdk.emulator import engine_status
from services_ai_sdk.emulator.answers import EVENT_BYTES_MAX, REQUEST_BYTES_MAX, InvokeAnswer
from services_ai_sdk.emulator.bubblewrap import UIDS, find_bubblewrap, uid_of, worker_uids
from services_ai_sdk.emulator.cgroups import CGROUPS, MemoryGroups
from services_ai_sdk.emulator.checks import ALL_CHECKS, Checks
from services_ai_sdk.emulator.concurrency import ReservedConcurrency
from services_ai_sdk.emulator.egress import Egress, WorkerEgress
from services_ai_sdk.emulator.environment import worker_environment
from services_ai_sdk.emulator.errors import EmulatorError, InvokeRefused
from services_ai_sdk.emulator.event_queue import LAMBDA_WAITS, EventQueue, EventWaits, SaidOnly
from services_ai_sdk.emulator.event_records import Event
from services_ai_sdk.emulator.init_failure import InitFailedError
from services_ai_sdk.emulator.invocation import Caller, Invocation, RequestIds
from services_ai_sdk.emulator.launch import Process, listens, spawn
from services_ai_sdk.emulator.layouts import Layouts
from services_ai_sdk.emulator.memory_ceiling import MemoryCeiling, half_of_memory_mb
from services_ai_sdk.emulator.network_rules import NetworkRules
from services_ai_sdk.emulator.orphans import end_orphans
from services_ai_sdk.emulator.pool import WORKER_CALLS_MAX, Pool
from services_ai_sdk.emulator.ports import Destinations, FunctionSource, LogSink
from services_ai_sdk.emulator.redaction import Redaction
from services_ai_sdk.emulator.room import Room
from services_ai_sdk.emulator.sandbox import BubblewrapSandbox, NoSandbox, Sandbox
from services_ai_sdk.emulator.spec import Credentials, FunctionSpec, SandboxProfile
from services_ai_sdk.emulator.store import Store
from services_ai_sdk.emulator.tallies import Tallies
from services_ai_sdk.emulator.worker import INIT_MAX_S, Clocks, Owner, Worker

WORKERS_TOTAL_MAX = 32
IDLE_MAX_S = 300.0
_REAPED_EVERY_S = 1.0
_ENDS_LOOKED_AT = 200

AwsConnection = Callable[[FunctionSpec, Credentials], asyncio.Protocol]
"""Makes the protocol of one connection to a worker's AWS endpoint."""


_PoolKey = tuple[str, str, str, SandboxProfile]


def _quiet(line: str) -> None:
    del line


class Engine:
    """Runs functions.

    Args:
        source: Where functions are looked up.
        sink: Where log lines go.
        store: Folder for code, layers and Pythons; must be passable for an unprivileged user.
        unsafe: Run without a sandbox where there are no means for one; never used when there are.
        progress: Told, in words, what takes time.
        init_max_s: How long importing a function may take, as on Lambda.
        worker_calls_max: After this many calls a worker is replaced.
        workers_max: Of all functions together.
        memory_max_mb: Of all workers together; half of this machine's where nothing is said.
        cgroups: Where the kernel's control groups are mounted.
        destinations: Where the outcomes of asynchronous calls go; without it `progress` is told what is lost.
        event_waits: Before asynchronous calls are tried again.
        egress: How connections to hosts that functions may reach are made.
        draw: A number from 0 to below 1, for aliases that go to several versions.
        checks: What the engine holds its workers to: for the tests that prove each of them.
        sandbox: Puts something around this machine's sandbox: for the same tests.

    Raises:
        SandboxUnavailableError: No means for a sandbox, and not `unsafe`.
    """

    def __init__(
        self,
        source: FunctionSource,
        sink: LogSink,
        *,
        store: Path,
        unsafe: bool = False,
        progress: Callable[[str], None] = _quiet,
        init_max_s: float = INIT_MAX_S,
        worker_calls_max: int = WORKER_CALLS_MAX,
        workers_max: int = WORKERS_TOTAL_MAX,
        memory_max_mb: int | None = None,
        cgroups: Path = CGROUPS,
        destinations: Destinations | None = None,
        event_waits: EventWaits = LAMBDA_WAITS,
        egress: Egress | None = None,
        draw: Callable[[], float] = random.random,
        checks: Checks = ALL_CHECKS,
        sandbox: Callable[[Sandbox], Sandbox] = lambda this: this,
    ) -> None:
        self.checks = checks
        self._source = source
        self._sink = sink
        self._store = Store(store, progress)
        self._store.sweep()
        self._draw = draw
        self._egress = egress or Egress()
        self._init_max_s = init_max_s
        self._worker_calls_max = worker_calls_max
        self._groups = MemoryGroups(cgroups)
        self._sandbox: Sandbox = NoSandbox() if unsafe else sandbox(self._bubblewrap(store))
        self._clocks = Clocks(time.monotonic, lambda: time.time_ns() // 1_000_000)
        self._events = EventQueue(
            self, destinations or SaidOnly(progress), event_waits, self._clocks.now_s, self._clocks.now_ms
        )
        self._reserved = ReservedConcurrency(self._all_pools)
        self._tallies = Tallies(self._clocks.now_s, self._clocks.now_ms)
        self._resolved: dict[tuple[str, str | None], FunctionSpec] = {}
        self._ways: dict[tuple[str, str | None], tuple[Pool, str]] = {}
        """What was invoked before: where its calls go, and the ARN they are told."""
        self._new_request_id = RequestIds(os.urandom)
        self._generation = 0
        self._pools: dict[_PoolKey, Pool] = {}
        self._layouts = Layouts(self._store.lay_out)
        self._retired: set[Pool] = set()
        self._unready: set[Process] = set()
        self._workers: set[Worker] = set()
        self._memory = MemoryCeiling(memory_max_mb or half_of_memory_mb(), self._all_pools)
        self._room = Room(workers_max, self._memory, self._all_pools, self._clocks.now_s)
        self._numbers: dict[str, int] = {}
        # Another engine of root's on this machine begins elsewhere: the kernel counts processes by their user.
        self._first_number = os.getpid() % UIDS
        self._aws_connection: AwsConnection | None = None
        self._reaper: asyncio.Task[None] | None = None
        self._closed = False

    def serve_aws(self, connection: AwsConnection) -> None:
        """Tells who answers on the workers' AWS endpoints; without it they refuse connections."""
        self._aws_connection = connection

    async def invoke(
        self,
        function: str,
        qualifier: str | None,
        payload: bytes,
        *,
        log_tail: bool = False,
        client_context: str = "",
        trace: str = "",
        caller: Caller | None = None,
        request_id: str = "",
    ) -> InvokeAnswer:
        """Runs one event to its end.

        Args:
            function: Name, partial or full ARN.
            qualifier: Version or alias.
            payload: JSON; what is empty becomes `{}`.
            log_tail: Whether the end of the call's log is wanted.
            client_context: JSON in ASCII for the handler's context.
            trace: The caller's X-Ray header.
            caller: Who waits; a call that has no worker yet ends when it hangs up.
            request_id: Where the call has one already.

        Raises:
            InvokeRefused: What Lambda answers when it does not run the function.
        """
        self._admit(payload, "RequestResponse", REQUEST_BYTES_MAX)
        spec = await self.resolve(function, qualifier)
        invoked_arn = _invoked_arn(spec, qualifier)
        if spec.routes:
            spec = await self._routed(spec)
        if self._reaper is None:
            self._reaper = asyncio.create_task(self._reap())
        answer: asyncio.Future[InvokeAnswer] = asyncio.get_running_loop().create_future()

        def answered(found: InvokeAnswer) -> None:
            # Nobody waits any more where the caller was cancelled.
            if not answer.done():
                answer.set_result(found)

        told = self._tallies.counted(spec, answered)
        invocation = Invocation(
            request_id or self._new_request_id(), payload or b"{}", invoked_arn, told, log_tail, trace
        )
        invocation.client_context, invocation.caller = client_context, caller
        self._reserved.check(spec)
        pool = self._pool(spec)
        if not spec.routes and self._resolved.get((function, qualifier)) is spec:
            # Not where an alias draws a version for each call (its main one has the routes, too), nor where
            # something changed meanwhile.
            self._ways[(function, qualifier)] = pool, invoked_arn
        await pool.run(invocation)
        return await answer

    async def invoke_event(
        self, function: str, qualifier: str | None, payload: bytes, *, trace: str = "", generation: int = 0
    ) -> str:
        """Takes one event to be run later, and again where it fails, as the function's settings say.

        Args:
            function: Name, partial or full ARN.
            qualifier: Version or alias.
            payload: JSON; what is empty becomes `{}`.
            trace: The caller's X-Ray header.
            generation: How many functions' destinations it came through.

        Returns:
            The request id, which the handler sees at every try.

        Raises:
            InvokeRefused: What Lambda answers when it does not take the event.
        """
        self._admit(payload, "Event", EVENT_BYTES_MAX)
        spec = await self.resolve(function, qualifier)
        # The qualifier may be part of the name.
        qualifier = qualifier or _qualifier_of(function)
        event = Event(
            self._new_request_id(),
            spec.function_arn,
            qualifier,
            payload or b"{}",
            self._clocks.now_s(),
            trace,
            generation,
        )
        self._events.put(event, spec)
        return event.request_id

    def _admit(self, payload: bytes, kind: str, bytes_max: int) -> None:
        if self._closed:
            raise _ending()
        if len(payload) > bytes_max:
            what = f"{len(payload)} byte payload is too large for the {kind} invocation type"
            raise InvokeRefused(413, "RequestTooLargeException", f"{what} (limit {bytes_max} bytes)")

    async def run_event(self, event: Event) -> InvokeAnswer:
        """Runs one event to its end: the queue's."""
        return await self.invoke(
            event.function_arn, event.qualifier, event.payload, trace=event.trace, request_id=event.request_id
        )

    def try_invoke(
        self,
        function: str,
        qualifier: str | None,
        payload: bytes,
        answered: Callable[[InvokeAnswer], None],
        trace: str = "",
    ) -> bool:
        """The short way of a warm call, without a task or a future: False where there is no idle worker for it.

        Args:
            function: As for `invoke`.
            qualifier: As for `invoke`.
            payload: As for `invoke`.
            answered: Called once with the answer, on the loop's thread.
            trace: As for `invoke`.
        """
        way = self._ways.get((function, qualifier))
        if way is None or self._closed or len(payload) > REQUEST_BYTES_MAX:
            return False
        pool, invoked_arn = way
        if pool.spec.reserved_concurrency is not None and not self._reserved.has_room(pool.spec):
            return False
        told = self._tallies.counted(pool.spec, answered)
        return pool.try_run(Invocation(self._new_request_id(), payload or b"{}", invoked_arn, told, trace=trace))

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        """What a name and a qualifier mean, from memory where nothing has changed since it was asked.

        Raises:
            InvokeRefused: There is no such function, version or alias.
        """
        known = self._resolved.get((function, qualifier))
        if known is None:
            generation = self._generation
            known = await self._source.resolve(function, qualifier)
            if generation == self._generation:
                self._resolved[(function, qualifier)] = known
        return known

    async def _routed(self, spec: FunctionSpec) -> FunctionSpec:
        drawn = self._draw()
        for version, share in spec.routes:
            if drawn < share:
                return await self.resolve(spec.function_arn, version)
            drawn -= share
        return spec

    def invalidate(self) -> None:
        """Something in the control plane changed: nothing that was resolved before is relied on any more."""
        self._generation += 1
        self._resolved.clear()
        self._ways.clear()

    def status(self) -> dict[str, Any]:
        """Functions and their calls, the workers, the last errors, what protects this machine; plain data."""
        pools = self._all_pools()
        workers = engine_status.workers(pools)
        return {
            "warm_functions": sorted({pool.spec.function_name for pool in pools if pool.workers}),
            "functions": engine_status.functions(pools, self._tallies),
            "workers": workers,
            "memory_mb": sum(worker["memory_mb"] for worker in workers),
            "memory_max_mb": self._memory.ceiling_mb,
            "events": self._events.status(),
            "errors": self._tallies.errors(),
            "protections": self._sandbox.protections(),
        }

    async def close(self) -> None:
        """Ends every worker and waits until they are gone."""
        self._closed = True
        await self._events.close()
        if self._reaper is not None:
            self._reaper.cancel()
        self._layouts.close()
        for process in self._unready:
            process.kill()
        # All workers: also those that are not in a pool yet, or no more.
        await asyncio.gather(*(worker.end() for worker in self._workers))
        for _ in range(_ENDS_LOOKED_AT):
            if not self._unready and self._groups.sweep():
                break
            await asyncio.sleep(0.01)
        self._groups.close()

    def _bubblewrap(self, store: Path) -> BubblewrapSandbox:
        in_group = self._groups.version > 0 or not self.checks.memory
        sandbox = BubblewrapSandbox(find_bubblewrap(store), store, memory_in_group=in_group)
        sandbox.write_inside()
        sandbox.require(uid_of(0))
        end_orphans(store, worker_uids())
        return sandbox

    def _pool(self, spec: FunctionSpec) -> Pool:
        key = _pool_key(spec)
        pool = self._pools.get(key)
        if pool is None:
            for old in [each for each in self._pools if each[:2] == key[:2]]:
                # Another revision of the same version: only $LATEST changes like this.
                self._retire(old)
            pool = self._pools[key] = Pool(
                spec, self._start, self._room, self._sink, self._clocks, self._worker_calls_max
            )
        return pool

    def _retire(self, key: _PoolKey) -> None:
        pool = self._pools.pop(key)
        self._ways = {name: way for name, way in self._ways.items() if way[0] is not pool}
        pool.retire()
        if pool.is_needed():
            self._retired.add(pool)

    def _all_pools(self) -> list[Pool]:
        return [*self._pools.values(), *self._retired]

    async def _start(self, spec: FunctionSpec, owner: Owner, failed: InitFailedError | None) -> Worker:
        if self._closed:
            raise _ending()
        layout, credentials = await asyncio.gather(self._layouts.of(spec), self._source.credentials(spec))
        if self._closed:
            raise _ending()
        day = datetime.now(UTC).strftime("%Y/%m/%d")
        stream = failed.stream if failed else f"{day}/[{spec.version}]{secrets.token_hex(16)}"
        environment = worker_environment(
            spec, credentials, stream, self._sandbox.places, layout.runtime.minor,
            proxied=self._sandbox.has_proxy and spec.profile.network != "none",
        )  # fmt: skip
        loop = asyncio.get_running_loop()
        try:
            command = self._sandbox.command(spec, layout, environment)
            process = spawn(command, self._uid(spec) if command.sandboxed and self.checks.own_users else None)
        except EmulatorError as error:
            raise InvokeRefused(500, "ServiceException", error.message) from error
        self._unready.add(process)
        try:
            await listens(process, loop)
            if self._closed:
                raise _ending()
            group = self._groups.make(spec.memory_mb) if self.checks.memory else None
        except BaseException as error:
            process.kill()
            process.outer.wait()
            process.close()
            if isinstance(error, EmulatorError):
                raise InvokeRefused(500, "ServiceException", error.message) from error
            raise
        finally:
            self._unready.discard(process)

        def ended(_: asyncio.Future[None]) -> None:
            proxy.close()
            self._workers.discard(worker)
            if group is not None:
                self._groups.drop(group)
            self._retired = {pool for pool in self._retired if pool.is_needed()}

        init_max_s = spec.timeout_s if failed else self._init_max_s
        redaction = Redaction((credentials.secret_access_key, credentials.session_token))
        worker = Worker(
            spec, stream, process, group, self._sink, self._clocks, owner,
            init_max_s=init_max_s, checks=self.checks, redaction=redaction,
        )  # fmt: skip
        rules = NetworkRules(spec.profile.network, spec.profile.hosts)
        counts = functools.partial(self._tallies.refused_network, spec)
        proxy = WorkerEgress(rules, self._egress, counts, worker.notes)
        self._workers.add(worker)
        worker.ended.add_done_callback(ended)
        try:
            await worker.start(functools.partial(self._aws_protocol, spec, credentials), proxy.connection)
        except BaseException as error:
            worker.kill()
            if isinstance(error, OSError):
                raise InvokeRefused(500, "ServiceException", f"a worker cannot be served: {error}") from error
            raise
        return worker

    def _uid(self, spec: FunctionSpec) -> int | None:
        return uid_of(self._first_number + self._numbers.setdefault(spec.function_arn, len(self._numbers) + 1))

    def _aws_protocol(self, spec: FunctionSpec, credentials: Credentials) -> asyncio.Protocol:
        if self._aws_connection is None:
            return _Refusing()
        return self._aws_connection(spec, credentials)

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(_REAPED_EVERY_S)
            self._memory.look()
            now_s = self._clocks.now_s()
            for pool in list(self._pools.values()):
                for worker in pool.idle():
                    if now_s - worker.idle_since_s > IDLE_MAX_S or not worker.is_usable():
                        pool.drop(worker)


def _ending() -> InvokeRefused:
    return InvokeRefused(503, "ServiceUnavailableException", "the local cloud is ending")


def _pool_key(spec: FunctionSpec) -> _PoolKey:
    """One pool of workers each: function, version, what they are made from, and what they may."""
    return spec.function_arn, spec.version, spec.revision, spec.profile


def _invoked_arn(spec: FunctionSpec, qualifier: str | None) -> str:
    return spec.function_arn if qualifier is None else f"{spec.function_arn}:{qualifier}"


def _qualifier_of(function: str) -> str | None:
    """What follows the name in `name:qualifier` or in an ARN, which `resolve` has found to be one."""
    parts = function.rpartition("function:")[2].split(":")
    return parts[1] if len(parts) > 1 else None


class _Refusing(asyncio.Protocol):
    """Closes whatever connects."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's."""
        transport.close()
