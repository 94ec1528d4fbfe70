"""The workers of one function version: warm ones reused, new ones started, calls that must wait."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Awaitable, Callable

from services_ai_sdk.emulator.answers import Failure, InvokeAnswer
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.init_failure import InitFailedError
from services_ai_sdk.emulator.invocation import Caller, Invocation
from services_ai_sdk.emulator.ports import LogSink
from services_ai_sdk.emulator.room import Room
from services_ai_sdk.emulator.spec import FunctionSpec
from services_ai_sdk.emulator.worker import Clocks, Owner, Phase, Worker

WORKERS_MAX = 10
WAITING_MAX = 1000
WAITING_MAX_S = 30.0
"""Less than the callers' own patience, 60 s with boto3; Lambda refuses at once what is above its limits."""
WORKER_CALLS_MAX = 100_000
"""The runtime client puts each event's trace id into the environment, and the C library keeps every value it ever
had: about 150 bytes a call. This many calls cost a worker some 15 MB; then it is replaced."""
WORKER_AGE_MAX_S = 3000.0
"""A worker's credentials last an hour: it is replaced before."""

StartWorker = Callable[[FunctionSpec, Owner, InitFailedError | None], Awaitable[Worker]]
"""Starts a worker up to its first request for an event; told, for a second try, how the first one failed."""


class Pool:
    """Workers of one revision of one version.

    Args:
        spec: What they run.
        start: Starts one.
        room: Places for workers, shared with the other pools.
        sink: For calls that no worker lived to report.
        clocks: Time.
        worker_calls_max: After this many calls a worker is replaced.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        start: StartWorker,
        room: Room,
        sink: LogSink,
        clocks: Clocks,
        worker_calls_max: int,
    ) -> None:
        self.spec = spec
        self.workers: set[Worker] = set()
        self.retired = False
        self.starting = 0
        self.looking = 0
        """Calls that have no worker and start none: they wait, or were woken and are about to look."""
        self._start = start
        self._room = room
        self._sink = sink
        self._clocks = clocks
        self._worker_calls_max = worker_calls_max
        self._idle: list[Worker] = []
        self._again: set[asyncio.Task[None]] = set()
        self._handed_back = 0
        self._waiting: deque[asyncio.Future[Worker | None]] = deque()

    @property
    def places(self) -> int:
        """How many of the engine's places it holds."""
        return len(self.workers) + self.starting

    @property
    def calls(self) -> int:
        """How many are not answered yet, whether they run or wait."""
        busy = sum(worker.phase is Phase.BUSY for worker in self.workers)
        return busy + self.looking + self.starting + self._handed_back

    @property
    def ending(self) -> int:
        """How many of its workers are about to be gone."""
        return sum(worker.phase is Phase.ENDING for worker in self.workers)

    @property
    def size(self) -> int:
        """How many workers it has or will have."""
        return self.places - self.ending

    def wants_room(self) -> bool:
        """Whether one more place would help it."""
        return self.looking > 0 and self.places < WORKERS_MAX

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
            InvokeRefused: 429, too many calls wait already, or this one has waited too long.
        """
        worker = self._take_idle()
        if worker is None:
            await self._run_on(self._find, invocation)
        else:
            worker.run(invocation)

    def idle(self) -> list[Worker]:
        """Longest idle first."""
        return sorted(self._idle, key=lambda worker: worker.idle_since_s)

    def is_needed(self) -> bool:
        """Whether anything of it runs, waits, or was woken to look again."""
        return bool(self.workers or self.starting or self.looking)

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

    def wake(self) -> None:
        """A place of the engine's total became free."""
        self._wake_next(None)

    def is_idle(self, worker: Worker) -> None:
        """The worker's: it is given to a call that waits, kept, or ended."""
        too_old = worker.idle_since_s - worker.started_s > WORKER_AGE_MAX_S
        if (
            too_old
            or worker.calls >= self._worker_calls_max
            or (self._room.lacking and self._room.owes_another(self, worker.started_s))
        ):
            worker.kill()
        elif self._wake_next(worker):
            return
        elif self.retired:
            worker.kill()
        else:
            self._idle.append(worker)
            if self._room.lacking:
                self._room.freed()

    def has_ended(self, worker: Worker) -> None:
        """The worker's: its place is free."""
        self.workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        self._wake_next(None)
        self._room.freed()

    def takes_back(self, invocation: Invocation) -> None:
        """The worker's: the event goes to a new one, which takes the old one's place."""
        self._handed_back += 1
        task = asyncio.get_running_loop().create_task(self._run_again(invocation))
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    def _take_idle(self) -> Worker | None:
        while self._idle:
            # As a rule the last one's memory is still in the processor's caches.
            worker = self._idle.pop() if self._idle[-1].asks else self._idle.pop(self._readiest())
            if worker.is_usable():
                return worker
            # Dead, or it will not ask for an event any more.
            worker.kill()
        return None

    def _readiest(self) -> int:
        """Where the last one is that asks for an event: the very last has often just answered, and does not."""
        for place in range(len(self._idle) - 2, -1, -1):
            if self._idle[place].asks:
                return place
        return len(self._idle) - 1

    async def _run_on(self, find: Callable[[Invocation], Awaitable[Worker]], invocation: Invocation) -> None:
        try:
            worker = await find(invocation)
        except InitFailedError as failed:
            phase = "init" if failed.payload else "invoke"
            answer = failed.answer(self.spec, invocation, self._clocks.now_ms(), phase)
            self._sink.write(self.spec, failed.stream, invocation.lines)
            invocation.answered(answer)
        else:
            worker.run(invocation)

    async def _run_again(self, invocation: Invocation) -> None:
        self._handed_back -= 1
        try:
            await self._run_on(self._start_one, invocation)
        except Exception as error:
            # Its caller waits for an answer, no longer for a refusal.
            failure = Failure("ServiceException", "a worker cannot be started")
            if isinstance(error, InvokeRefused):
                failure = Failure(error.error_type, error.message)
            invocation.answered(
                InvokeAnswer(failure.payload(), "Unhandled", self.spec.version, 0, invocation.request_id)
            )
            if not isinstance(error, InvokeRefused):
                raise

    async def _find(self, invocation: Invocation) -> Worker:
        was_woken = False
        caller = invocation.caller or Caller()
        until_s = asyncio.get_running_loop().time() + WAITING_MAX_S
        self.looking += 1
        try:
            while not (self.places < WORKERS_MAX and self._room.take(self)):
                worker = await self._wait(caller, until_s, first=was_woken) or self._take_idle()
                if worker is not None:
                    if worker.is_usable():
                        return worker
                    worker.kill()
                was_woken = True
        finally:
            self.looking -= 1
        return await self._start_one(invocation)

    async def _start_one(self, invocation: Invocation) -> Worker:
        """Starts a worker. If init dies or hangs it is tried once more, on the call's own time, as on Lambda."""
        self.starting += 1
        worker = None
        try:
            try:
                worker = await self._start(self.spec, self, None)
            except InitFailedError as failed:
                if failed.payload:
                    raise
                invocation.lines += failed.log(self.spec, self._clocks.now_ms(), "init")
                worker = await self._start(self.spec, self, failed)
                invocation.started_s = worker.started_s
            self.workers.add(worker)
        finally:
            self.starting -= 1
            if worker is None:
                self._wake_next(None)
                self._room.freed()
        return worker

    async def _wait(self, caller: Caller, until_s: float, *, first: bool) -> Worker | None:
        """Waits for a worker to become idle, or None when it is worth trying to start one again.

        Args:
            caller: Who waits; no longer than it does.
            until_s: How long, by the loop's clock.
            first: Whether it was woken in vain, and so keeps its place before all others.
        """
        if len(self._waiting) >= WAITING_MAX or caller.is_gone:
            raise _too_many()
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Worker | None] = loop.create_future()
        if first:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        caller.on_hang_up = functools.partial(self._give_up, turn)
        timer = loop.call_at(until_s, self._give_up, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            self._pass_on(turn)
            raise
        finally:
            timer.cancel()
            caller.on_hang_up = None

    def _give_up(self, turn: asyncio.Future[Worker | None]) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
            if not turn.done():
                turn.set_exception(_too_many())

    def _pass_on(self, turn: asyncio.Future[Worker | None]) -> None:
        """The caller went away: what was handed to it just then is the next one's."""
        if turn in self._waiting:
            self._waiting.remove(turn)
        elif turn.done() and not turn.cancelled():
            worker = turn.result()
            if worker is not None and worker.is_usable():
                self.is_idle(worker)
            else:
                self._wake_next(None)
                self._room.freed()

    def _wake_next(self, worker: Worker | None) -> bool:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(worker)
                return True
        return False


def _too_many() -> InvokeRefused:
    return InvokeRefused(
        429, "TooManyRequestsException", "Rate Exceeded.", reason="ConcurrentInvocationLimitExceeded"
    )
