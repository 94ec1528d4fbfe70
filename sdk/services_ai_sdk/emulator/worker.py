"""One worker: a process of one function version, from its start to its end, one event at a time."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from services_ai_sdk.emulator import answers
from services_ai_sdk.emulator.answers import RESPONSE_BYTES_MAX, Failure, InvokeAnswer
from services_ai_sdk.emulator.body_budget import BodyBudget
from services_ai_sdk.emulator.call_log import CallLog, Ended
from services_ai_sdk.emulator.cgroups import MemoryGroup
from services_ai_sdk.emulator.checks import ALL_CHECKS, Checks
from services_ai_sdk.emulator.init_failure import InitFailedError
from services_ai_sdk.emulator.invocation import Invocation
from services_ai_sdk.emulator.launch import Process
from services_ai_sdk.emulator.left_behind import Running, running
from services_ai_sdk.emulator.log_texts import trace_id
from services_ai_sdk.emulator.output import Output, tail
from services_ai_sdk.emulator.ports import LogLine, LogSink
from services_ai_sdk.emulator.redaction import Redaction
from services_ai_sdk.emulator.runtime_api import HELD_BYTES_MAX, RuntimeApiConnection
from services_ai_sdk.emulator.spec import FunctionSpec
from services_ai_sdk.emulator.worker_memory import WorkerMemory

INIT_MAX_S = 10.0
"""Lambda's limit of the init phase; then it is tried again within the call (Lambda Developer Guide)."""
ASKS_WITHIN_S = 1.0
"""So long a worker that has answered may take to ask for the next event before it is replaced."""
HANDED_BACK_MAX = 2
LOOKS_AFTER_S = 0.02
"""So long after a call what it left may still come to its end."""
_ENDS_MAX_S = 5.0
_TIMER_EXACT_S = 0.002
"""The loop's timers count whole milliseconds."""


class Phase(StrEnum):
    """What a worker is doing."""

    INIT = "init"
    IDLE = "idle"
    BUSY = "busy"
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time, as the engine is given it."""

    now_s: Callable[[], float]
    """Monotonic."""
    now_ms: Callable[[], int]
    """Unix milliseconds."""


class Owner(Protocol):
    """Who a worker belongs to: its pool."""

    def is_idle(self, worker: Worker) -> None:
        """It has answered, and may be given the next event."""

    def has_ended(self, worker: Worker) -> None:
        """Its process is gone; told once."""

    def takes_back(self, invocation: Invocation) -> None:
        """It did not take the event it was given: nothing of it has run."""


class Worker:
    """One process. All methods run on the loop's thread.

    Args:
        spec: What it runs.
        stream: Log stream.
        process: Started, with its listeners received.
        group: Its memory group, or None.
        sink: Where its lines go.
        clocks: Time.
        owner: Told what becomes of it.
        init_max_s: How long the import of the function may take.
        checks: What it is held to.
        redaction: What is taken out of what it prints.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        stream: str,
        process: Process,
        group: MemoryGroup | None,
        sink: LogSink,
        clocks: Clocks,
        owner: Owner,
        *,
        init_max_s: float = INIT_MAX_S,
        checks: Checks = ALL_CHECKS,
        redaction: Redaction | None = None,
    ) -> None:
        self._checks = checks
        self.spec = spec
        self.stream = stream
        self.phase = Phase.INIT
        self.calls = 0
        self.idle_since_s = self.started_s = clocks.now_s()
        self.process = process
        self.group = group
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._clocks = clocks
        self._owner = owner
        self._init_max_s = init_max_s
        self._output = Output(process.output_fd, clocks.now_ms, redaction, marks=checks.marked_output)
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._waiting: RuntimeApiConnection | None = None
        self._invocation: Invocation | None = None
        self._is_handed_out = False
        self._due_s = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_s = math.inf
        self._servers: list[asyncio.AbstractServer] = []
        self._init_ms = 0.0
        self._init_lines: list[LogLine] = []
        self._too_much_memory = self._starved = False
        self._exit_code = 0
        self._unsettled: Ended | None = None
        self._from_start = Running(0, 0)
        self._may_leave_something = False
        self._looks_after: asyncio.TimerHandle | None = None
        self.memory = WorkerMemory(process, spec.memory_mb, clocks.now_s, self._has_too_much_memory)
        self.memory_mb = 0
        """Its own and that of all it started, when it was last looked at; 0 before."""
        self._log = CallLog(spec, stream, sink, self.memory.highest_mb)

    @property
    def pid(self) -> int:
        """On this machine."""
        return self.process.worker_pid

    @property
    def asks(self) -> bool:
        """Whether the runtime waits for an event already."""
        return self._waiting is not None

    async def start(
        self, aws: Callable[[], asyncio.Protocol], proxy: Callable[[], asyncio.Protocol] | None = None
    ) -> None:
        """Serves its listeners, lets it import the function, and waits until it asks for an event.

        Args:
            aws: Makes a connection's protocol of its AWS endpoint.
            proxy: Makes one of its proxy, where it has one.

        Raises:
            InitFailedError: It did not.
        """
        self._loop.add_reader(self._output.fd, self._printed)
        self._loop.add_reader(self.process.ended, self._process_ended)
        api, endpoint = self.process.runtime_api, self.process.aws
        assert api is not None
        assert endpoint is not None
        budget = BodyBudget(RESPONSE_BYTES_MAX, HELD_BYTES_MAX)
        # One by one, so that the end closes the first also where the second cannot be had.
        self._servers.append(await self._loop.create_server(lambda: RuntimeApiConnection(self, budget), sock=api))
        self._servers.append(await self._loop.create_server(aws, sock=endpoint))
        if self.process.proxy is not None and proxy is not None:
            self._servers.append(await self._loop.create_server(proxy, sock=self.process.proxy))
        if self.group is not None:
            try:
                await self.group.attach(self.pid)
            except OSError:
                # It is gone already; its end says so below.
                self.kill()
        elif self._checks.memory:
            self.memory.watch()
        self.process.go()
        timer = self._loop.call_later(self._init_max_s, self._init_took_too_long)
        try:
            await self._ready
            if self.phase is not Phase.IDLE:
                # It asked and ended in one batch of the loop's events, before this task came to run again.
                await self.ended
                raise self._init_failed(b"", self._why_ended)
        finally:
            timer.cancel()

    def notes(self, text: str) -> None:
        """A line in its log, where it stands now; also in what a call's caller gets of the log."""
        if self.phase is not Phase.ENDED:
            self._output.note(text)

    def run(self, invocation: Invocation) -> None:
        """Gives it an event. It must be idle."""
        assert self.phase is Phase.IDLE
        if self._unsettled is not None:
            self._settle()
        self.phase = Phase.BUSY
        self.calls += 1
        self._invocation = invocation
        now_s = self._clocks.now_s()
        if invocation.started_s:
            # Its time runs since this worker's start, the second try of a function whose first init failed.
            self._init_ms = 0.0
        else:
            invocation.started_s = now_s
        if self._waiting is not None:
            # First: the rest is done while the process wakes up.
            self._send(now_s)
            if self._invocation is not invocation:
                # It could not be handed over, and is another worker's now.
                return
            due_s = invocation.started_s + self.spec.timeout_s
        else:
            # It has answered, and as a rule asks for the next event within microseconds.
            due_s = min(invocation.started_s + self.spec.timeout_s, now_s + ASKS_WITHIN_S)
            invocation.started_ms = self._clocks.now_ms()
        # What came between two events belongs to the earlier one's thread, but no log has a place for it but this.
        if self._init_lines or self._output.has_kept:
            invocation.lines += [*self._init_lines, *self._output.take()]
            self._init_lines = []
        self._due_s = due_s
        if due_s < self._timer_at_s:
            self._look_at(due_s, now_s)

    def kill(self) -> None:
        """Ends it; `ended` tells when it is over."""
        if self.phase is not Phase.ENDED:
            self.phase = Phase.ENDING
            self.process.kill()

    def is_usable(self) -> bool:
        """Whether it can take an event: idle, asking or about to, and alive, even if nobody noticed its end."""
        if self.phase is not Phase.IDLE or not self.process.lives():
            return False
        return self._waiting is not None or self._clocks.now_s() - self.idle_since_s < ASKS_WITHIN_S

    def running_id(self) -> str:
        """The request id of the event that its process has, or nothing."""
        return self._invocation.request_id if self._invocation is not None and self._is_handed_out else ""

    def asks_next(self, connection: RuntimeApiConnection) -> None:
        """The runtime is ready for an event."""
        self._waiting = connection
        if self.phase is Phase.INIT:
            self._init_ms = (self._clocks.now_s() - self.started_s) * 1000
            self._output.drain()
            self._init_lines = self._output.take()
            self._from_start = running(self.pid, self.process.outer.pid)
            self.phase = Phase.IDLE
            self.idle_since_s = self._clocks.now_s()
            if not self._ready.done():
                self._ready.set_result(None)
        elif self._invocation is not None:
            # An event was handed over while the last one's answer was still on its way.
            self._send(self._clocks.now_s())

    def answers(self, request_id: str, body: bytes, size_bytes: int) -> bool:
        """The handler's response."""
        if not self._is_running(request_id):
            return False
        if size_bytes > answers.RESPONSE_BYTES_MAX:
            self._finish(answers.response_too_large(size_bytes).payload(), "Unhandled")
        else:
            # As it is: Lambda hands on what a runtime sends, JSON or not.
            self._finish(body, None)
        return True

    def fails(self, request_id: str, body: bytes) -> bool:
        """The handler's error."""
        if not self._is_running(request_id):
            return False
        if not body or not _is_json(body):
            body = answers.response_not_json(request_id).payload()
        self._finish(body, "Unhandled")
        return True

    def fails_init(self, body: bytes) -> bool:
        """The function could not be imported."""
        if self.phase is not Phase.INIT or self._ready.done():
            return False
        payload = body if body and _is_json(body) else answers.response_not_json("init").payload()
        self._ready.set_exception(self._init_failed(payload, None))
        return True

    def _printed(self) -> None:
        if not self._output.drain():
            self._loop.remove_reader(self._output.fd)

    def _init_took_too_long(self) -> None:
        if not self._ready.done():
            self._ready.set_exception(
                self._init_failed(b"", lambda request_id: answers.timed_out(request_id, self._init_max_s))
            )
        self.kill()

    def _init_failed(self, payload: bytes, failure: Callable[[str], Failure] | None) -> InitFailedError:
        self._output.drain()
        return InitFailedError(
            payload,
            failure,
            [*self._init_lines, *self._output.take()],
            stream=self.stream,
            duration_ms=(self._clocks.now_s() - self.started_s) * 1000,
            used_mb=self.memory.highest_mb(),
        )

    def _timed_out(self, invocation: Invocation) -> None:
        failure = answers.timed_out(invocation.request_id, self.spec.timeout_s)
        self._finish(failure.payload(), "Unhandled", failure.message, timed_out=True)
        self.kill()

    def _look_at(self, due_s: float, now_s: float) -> None:
        """Sees then whether its event is over. One timer for many calls: where it is too early it is set again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at_s = due_s
        self._timer = self._loop.call_later(due_s - now_s, self._is_due)

    def _is_due(self) -> None:
        self._timer, self._timer_at_s = None, math.inf
        invocation = self._invocation
        if invocation is None:
            return
        if self._is_handed_out:
            self._due_s = invocation.started_s + self.spec.timeout_s
        now_s = self._clocks.now_s()
        if now_s < self._due_s - _TIMER_EXACT_S:
            self._look_at(self._due_s, now_s)
        elif self._is_handed_out:
            self._timed_out(invocation)
        else:
            self._hand_back(invocation)

    def _hand_back(self, invocation: Invocation) -> None:
        """The event never reached the process: another worker may run it, but not one after the other for ever."""
        if invocation.handed_back < HANDED_BACK_MAX:
            self._invocation = None
            invocation.handed_back += 1
            invocation.started_s, invocation.started_ms = 0.0, 0
            self.kill()
            self._owner.takes_back(invocation)
        else:
            self.kill()
            what = answers.exited(invocation.request_id, 0)
            self._finish(what.payload(), "Unhandled", what.message)

    def _process_ended(self) -> None:
        if self.phase is Phase.ENDED:
            return
        self._loop.remove_reader(self.process.ended)
        code = self.process.outer.wait()
        self._exit_code = code if code >= 0 else 128 - code
        self._starved = self._too_much_memory or (self.group is not None and self.group.ran_out())
        if not self._ready.done():
            self._ready.set_exception(self._init_failed(b"", self._why_ended))
        self._output.drain()
        if self._invocation is not None and not self._is_handed_out:
            self._hand_back(self._invocation)
        elif self._invocation is not None:
            what = self._why_ended(self._invocation.request_id)
            self._finish(what.payload(), "Unhandled", what.message)
        self._ended()

    def _why_ended(self, request_id: str) -> Failure:
        return answers.out_of_memory(request_id) if self._starved else answers.exited(request_id, self._exit_code)

    def _ended(self) -> None:
        self.phase = Phase.ENDED
        if self._timer is not None:
            self._timer.cancel()
        self._log.end()
        self.memory.end()
        if self._looks_after is not None:
            self._looks_after.cancel()
        self._loop.remove_reader(self._output.fd)
        for server in self._servers:
            server.close()
        self.process.close()
        if not self.ended.done():
            self.ended.set_result(None)
        self._owner.has_ended(self)

    async def end(self) -> None:
        """Kills it and waits until it is gone."""
        self.kill()
        if self.phase is not Phase.ENDED:
            await asyncio.wait([self.ended], timeout=_ENDS_MAX_S)

    def _is_running(self, request_id: str) -> bool:
        # While the next request is awaited nothing has been handed out yet, so nothing can be answered.
        running_id = self.running_id()
        return running_id != "" and (request_id == running_id or not self._checks.request_ids)

    def _send(self, now_s: float) -> None:
        invocation, connection = self._invocation, self._waiting
        assert invocation is not None
        assert connection is not None
        self._waiting = None
        left_s = self.spec.timeout_s - (now_s - invocation.started_s)
        now_ms = self._clocks.now_ms()
        invocation.started_ms = invocation.started_ms or now_ms
        trace = invocation.trace or trace_id(invocation.request_id, now_ms)
        head = (
            f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {now_ms + int(left_s * 1000)}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {invocation.invoked_arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {trace}\r\n"
        )
        if invocation.client_context:
            head += f"Lambda-Runtime-Client-Context: {invocation.client_context}\r\n"
        self._is_handed_out = connection.send_event(head, invocation.payload)
        if not self._is_handed_out:
            self._hand_back(invocation)

    def _finish(
        self, payload: bytes, function_error: str | None, note: str = "", *, timed_out: bool = False
    ) -> None:
        invocation = self._invocation
        assert invocation is not None
        self._invocation = None
        self._is_handed_out = False
        if function_error:
            invocation.status = "timeout" if timed_out else "failure" if note else "error"
        now_s = self._clocks.now_s()
        duration_ms = self.spec.timeout_s * 1000.0 if timed_out else (now_s - invocation.started_s) * 1000
        self._unsettled = Ended(invocation, duration_ms, self._init_ms, note)
        self._init_ms = 0.0
        if invocation.log_tail:
            # A write of its own: whoever asked for the tail may look for the call's lines.
            self._log.close()
            self._settle()
            self._log.close()
        answer = InvokeAnswer(
            payload,
            function_error,
            self.spec.version,
            self.pid,
            invocation.request_id,
            tail(invocation.lines) if invocation.log_tail else b"",
        )
        left = self._left_behind() if self._may_leave_something else ""
        if left:
            self.kill()
        if self.phase is Phase.BUSY and not timed_out:
            self.phase = Phase.IDLE
            self.idle_since_s = now_s
            self._owner.is_idle(self)
        # Whoever is answered may call again at once, and finds this worker idle; what its log needs can wait.
        invocation.answered(answer)
        self._settle()
        if left:
            self._say_why_replaced(left)

    def _settle(self) -> None:
        """What an answer need not wait for: its output, its log."""
        ended = self._unsettled
        if ended is None:
            return
        self._unsettled = None
        # Everything printed before the response is in the pipe by now.
        self._output.drain_any()
        if self._output.has_kept:
            ended = ended._replace(printed=self._output.take())
        self._log.ends(ended)
        if self._looks_after is None:
            self._looks_after = self._loop.call_later(LOOKS_AFTER_S, self._after_calls)

    def _has_too_much_memory(self) -> None:
        self._too_much_memory = True
        self.kill()

    def _left_behind(self) -> str:
        """What goes on in it that did not after its import, in words."""
        self._may_leave_something = False
        if not self._checks.left_behind:
            return ""
        return running(self.pid, self.process.outer.pid).beyond(self._from_start)

    def _after_calls(self) -> None:
        """Replaces it where something goes on that no call waits for. Looked at once for several calls."""
        self._looks_after = None
        if self.phase is not Phase.IDLE and self.phase is not Phase.BUSY:
            return
        left = self._left_behind()
        if left and self.phase is Phase.BUSY:
            # It may be what the call that runs now works with: seen when that is answered.
            self._may_leave_something = True
        elif left:
            self.kill()
            self._say_why_replaced(left)

    def _say_why_replaced(self, left: str) -> None:
        what = f"{left} outlived a call: its worker is replaced; on Lambda what is left goes on in the next call"
        self._log.say(self._clocks.now_ms(), f"[{what}]")


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
