"""The workers of one function version: warm ones reused, new ones started, calls that must wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from services_ai_sdk.emulator import log_texts
from services_ai_sdk.emulator.answers import InvokeAnswer
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.invocation import Invocation
from services_ai_sdk.emulator.output import tail
from services_ai_sdk.emulator.ports import LogLine, LogSink
from services_ai_sdk.emulator.spec import FunctionSpec
from services_ai_sdk.emulator.worker import Clocks, InitFailedError, Worker

WORKERS_MAX = 10
WAITING_MAX = 1000
WORKER_CALLS_MAX = 100_000
"""The runtime client puts each event's trace id into the environment, and the C library keeps every value it ever
had: about 150 bytes a call. This many calls cost a worker some 15 MB; then it is replaced."""
WORKER_AGE_MAX_S = 3000.0
"""A worker's credentials last an hour: it is replaced before."""

StartWorker = Callable[[FunctionSpec, Callable[[Worker], None], Callable[[Worker], None]], Awaitable[Worker]]
"""Starts a worker up to its first request for an event; told whom to call when it is idle and when it ends."""


class Pool:
    """Workers of one revision of one version.

    Args:
        spec: What they run.
        start: Starts one.
        make_room: Frees one place of the engine's total, if it can.
        sink: For calls that no worker lived to report.
        clocks: Time.
        worker_calls_max: After this many calls a worker is replaced.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        start: StartWorker,
        make_room: Callable[[], bool],
        sink: LogSink,
        clocks: Clocks,
        worker_calls_max: int,
    ) -> None:
        self.spec = spec
        self.workers: set[Worker] = set()
        self.retired = False
        self.starting = 0
        self._start = start
        self._make_room = make_room
        self._sink = sink
        self._clocks = clocks
        self._worker_calls_max = worker_calls_max
        self._idle: list[Worker] = []
        self._waiting: deque[asyncio.Future[Worker | None]] = deque()

    def try_run(self, invocation: Invocation) -> bool:
        """Gives the event to an idle worker, if there is one: the short way of a warm call."""
        worker = self._take_idle()
        if worker is None:
            return False
        worker.run(invocation)
        return True

    async def run(self, invocation: Invocation) -> None:
        """Runs one event on an idle worker or a new one; `invocation.answered` gets the answer.

        Raises:
            InvokeRefused: 429, too many calls wait already.
        """
        worker = self._take_idle()
        while worker is None:
            if len(self.workers) + self.starting < WORKERS_MAX and self._make_room():
                try:
                    worker = await self._start_one()
                except InitFailedError as failed:
                    self._not_started(invocation, failed)
                    return
            else:
                worker = await self._wait()
                if worker is not None and not worker.is_usable():
                    worker = None
        worker.run(invocation)

    def idle(self) -> list[Worker]:
        """Longest idle first."""
        return sorted(self._idle, key=lambda worker: worker.idle_since_s)

    def is_needed(self) -> bool:
        """Whether anything of it runs or waits."""
        return bool(self.workers or self.starting or self._waiting)

    def retire(self) -> None:
        """No new events: idle workers end now, the others after theirs."""
        self.retired = True
        for worker in list(self._idle):
            self.drop(worker)

    def drop(self, worker: Worker) -> None:
        """Ends an idle worker."""
        if worker in self._idle:
            self._idle.remove(worker)
        worker.kill()

    def _take_idle(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_usable():
                return worker
        return None

    async def _start_one(self) -> Worker:
        """Starts a worker; one that dies during init is tried once more, as Lambda does."""
        self.starting += 1
        try:
            try:
                worker = await self._start(self.spec, self._on_idle, self._on_end)
            except InitFailedError as failed:
                if failed.payload:
                    raise
                worker = await self._start(self.spec, self._on_idle, self._on_end)
        except BaseException:
            self._wake_next(None)
            raise
        finally:
            self.starting -= 1
        self.workers.add(worker)
        return worker

    async def _wait(self) -> Worker | None:
        """Waits for a worker to become idle, or None when it is worth trying to start one again."""
        if len(self._waiting) >= WAITING_MAX:
            raise InvokeRefused(
                429, "TooManyRequestsException", "Rate Exceeded.", reason="ConcurrentInvocationLimitExceeded"
            )
        turn: asyncio.Future[Worker | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            # The caller went away just as a worker was handed to it: the next one gets it.
            worker = turn.result() if turn.done() and not turn.cancelled() else None
            if worker is not None:
                self._on_idle(worker)
            raise

    def wake(self) -> None:
        """A place of the engine's total became free."""
        self._wake_next(None)

    def _wake_next(self, worker: Worker | None) -> bool:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(worker)
                return True
        return False

    def _on_idle(self, worker: Worker) -> None:
        too_old = self._clocks.now_s() - worker.started_s > WORKER_AGE_MAX_S
        if self.retired or too_old or worker.calls >= self._worker_calls_max:
            worker.kill()
        elif not self._wake_next(worker):
            self._idle.append(worker)

    def _on_end(self, worker: Worker) -> None:
        self.workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        self._wake_next(None)

    def _not_started(self, invocation: Invocation, failed: InitFailedError) -> None:
        request_id = invocation.request_id
        payload, note = failed.payload, ""
        if failed.failure is not None:
            failure = failed.failure(request_id)
            payload, note = failure.payload(), failure.message
        now_ms = self._clocks.now_ms()
        lines = [LogLine(now_ms, log_texts.start(request_id, self.spec.version)), *failed.lines]
        if note:
            lines.append(LogLine(now_ms, note))
        lines.append(LogLine(now_ms, f"END RequestId: {request_id}"))
        self._sink.write(self.spec, f"init/{request_id}", lines)
        log_tail = tail(lines) if invocation.log_tail else b""
        invocation.answered(InvokeAnswer(payload, "Unhandled", self.spec.version, 0, request_id, log_tail))
