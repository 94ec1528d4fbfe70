"""Start a worker's process and take over the listeners that it opened inside its own network namespace."""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass, field

from services_ai_sdk.emulator.bubblewrap import as_user
from services_ai_sdk.emulator.errors import EmulatorError
from services_ai_sdk.emulator.memory_file import memory_file
from services_ai_sdk.emulator.sandbox import Command

LISTENS_MAX_S = 10.0
_PIPE_BYTES = 1024 * 1024


@dataclass(slots=True, eq=False)
class Process:
    """A started process.

    Args:
        outer: bubblewrap (or, without a sandbox, the worker itself).
        ended: Readable once `outer` has ended.
        channel: To `inside/init.py`, until it goes on.
        output_fd: What it prints.
        worker_pid: The worker itself, as this machine numbers it.
        runtime_api: Listens inside.
        aws: Listens inside.
        proxy: Listens inside, where the function may have a network.
    """

    outer: subprocess.Popen[bytes]
    ended: int
    channel: socket.socket
    output_fd: int
    worker_pid: int = 0
    runtime_api: socket.socket | None = None
    aws: socket.socket | None = None
    proxy: socket.socket | None = None
    _worker_ended: int = -1
    _ends: select.poll = field(default_factory=select.poll)

    def __post_init__(self) -> None:
        self._ends.register(self.ended, select.POLLIN)

    def know_worker(self, pid: int) -> None:
        """Tells the worker's own pid.

        Raises:
            OSError: It is gone.
        """
        self.worker_pid = pid
        self._worker_ended = os.pidfd_open(pid)
        self._ends.register(self._worker_ended, select.POLLIN)

    def lives(self) -> bool:
        """Whether the worker runs; bubblewrap itself ends a moment after it."""
        return not self._ends.poll(0)

    def go(self) -> None:
        """Lets the worker import the function."""
        try:
            self.channel.send(b"g")
        except OSError:
            # It is dead already: its end is reported by `ended`.
            pass
        self.channel.close()

    def kill(self) -> None:
        """Ends it and, with its namespace, everything it started.

        The whole process group, because bubblewrap's second process only later asks to die with its parent, and
        leaves the group later still: killed alone in between, the first would leave it waiting for ever.
        """
        if self.outer.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.outer.pid, signal.SIGKILL)

    def close(self) -> None:
        """Closes what is still open; the process must have ended."""
        self.channel.close()
        for listener in (self.runtime_api, self.aws, self.proxy):
            if listener is not None:
                listener.close()
        for fd in (self.output_fd, self.ended, self._worker_ended):
            if fd >= 0:
                os.close(fd)
        self.outer.wait()


def spawn(command: Command, uid: int | None) -> Process:
    """Starts a worker. Must run on the loop's own thread: bubblewrap dies with the thread that started it.

    Args:
        command: What to start.
        uid: The user to start it as; None for this process's own.

    Raises:
        EmulatorError: The system cannot start a process.
    """
    with contextlib.ExitStack() as started, contextlib.ExitStack() as handed_over:
        try:
            process = _spawn(command, uid, started, handed_over)
        except (OSError, ValueError) as error:
            raise EmulatorError(f"a worker process cannot be started: {error}") from error
        started.pop_all()
    return process


def _spawn(
    command: Command, uid: int | None, started: contextlib.ExitStack, handed_over: contextlib.ExitStack
) -> Process:
    """Starts it. `started` undoes what is the engine's; `handed_over` closes what the process has copies of."""
    ours, theirs = socket.socketpair()
    started.callback(ours.close)
    handed_over.callback(theirs.close)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    ours.setblocking(False)
    reading, writing = os.pipe()
    started.callback(os.close, reading)
    handed_over.callback(os.close, writing)
    _widen(reading)
    os.set_blocking(reading, False)
    if uid is not None:
        # So that the function may open /dev/stdout anew.
        os.fchown(writing, uid, uid)
    files = []
    if command.sandboxed:
        head: tuple[str, ...] = ()
        if command.filter:
            files.append(memory_file(command.filter, handed_over))
            head = ("--add-seccomp-fd", str(files[0]))
        files.append(memory_file("\0".join((*command.arguments, *head)).encode() + b"\0", handed_over))
    argv = [_filled(part, channel=theirs.fileno(), arguments=files[-1] if files else -1) for part in command.argv]
    outer = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
        pass_fds=(theirs.fileno(), *files),
        env=dict(command.environment),
        cwd="/",
        start_new_session=True,  # Ctrl-C in a terminal is the engine's, which ends its workers in order
        **as_user(uid),  # type: ignore[call-overload]
    )
    started.callback(_end, outer)
    ended = os.pidfd_open(outer.pid)
    started.callback(os.close, ended)
    return Process(outer, ended, ours, reading)


def _end(outer: subprocess.Popen[bytes]) -> None:
    """Kills a process that is not reaped, with its group, and reaps it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(outer.pid, signal.SIGKILL)
    outer.wait()


async def listens(process: Process, loop: asyncio.AbstractEventLoop) -> None:
    """Waits for the listeners.

    Raises:
        EmulatorError: The process ended first, or took longer than 10 s.
    """
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(process.channel, wake)
    loop.add_reader(process.ended, wake)
    try:
        await asyncio.wait_for(ready, LISTENS_MAX_S)
    except TimeoutError as error:
        raise EmulatorError(f"a worker did not start within {LISTENS_MAX_S:.0f} s") from error
    finally:
        loop.remove_reader(process.channel)
        loop.remove_reader(process.ended)
    try:
        _receive(process)
    except (OSError, ValueError) as error:
        raise EmulatorError(f"a worker ended before it was ready: {_printed(process)}") from error


def _receive(process: Process) -> None:
    room = socket.CMSG_SPACE(3 * 4) + socket.CMSG_SPACE(12)
    data, ancillary, _flags, _address = process.channel.recvmsg(64, room)
    fds: list[int] = []
    pid = 0
    for level, kind, content in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        if kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(content[: len(content) - len(content) % 4])
            fds += numbers
        elif kind == socket.SCM_CREDENTIALS:
            pid = struct.unpack("3i", content[:12])[0]
    if data != b"listening" or len(fds) not in (2, 3):
        for fd in fds:
            os.close(fd)
        raise ValueError("no listeners")
    listeners = [socket.socket(fileno=fd) for fd in fds]
    for listener in listeners:
        listener.setblocking(False)
    process.runtime_api, process.aws, *more = listeners
    process.proxy = more[0] if more else None
    process.know_worker(pid)


def _printed(process: Process) -> str:
    try:
        return os.read(process.output_fd, 4096).decode("utf-8", "replace").strip() or "it said nothing"
    except BlockingIOError:
        return "it said nothing"


def _filled(part: str, *, channel: int, arguments: int) -> str:
    return {"{channel}": str(channel), "{arguments}": str(arguments)}.get(part, part)


def _widen(fd: int) -> None:
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        # An unprivileged user may have used up its share; the usual 64 KB do too.
        return
