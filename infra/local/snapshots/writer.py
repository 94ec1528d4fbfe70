"""When a snapshot is written: soon after a change, by a copy of moto's process, which itself goes on answering."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from infra.local.snapshots import pickling
from infra.local.snapshots.folder import SnapshotFolder

SETTLE_S = 0.05
"""Waited after the first change: what comes together is written together."""

LOSS_MAX_S = 1.0
"""What a kill -9 may cost, the time that writing takes included."""

PAUSE_MIN_S = 0.2
RETRY_MAX_S = 60.0
WRITE_MAX_S = 120


class SnapshotWriter:
    """Writes a snapshot soon after something has changed, and at the end.

    Args:
        folder: Open.
        written: How many changes are in what was read from it.
        fork: Makes the copy.
        monotonic: Seconds.
        clock: Unix time.
    """

    def __init__(
        self,
        folder: SnapshotFolder,
        written: int,
        fork: Callable[[], int] = os.fork,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._fork = fork
        self._monotonic = monotonic
        self._clock = clock
        self._changes = folder.last_change()[0]
        self._written = written
        self._begun_s = -LOSS_MAX_S
        self._took_s = 0.0
        self._failures = 0
        self._timer: asyncio.TimerHandle | None = None
        self._copy: tuple[int, int, int] | None = None
        """Its process id, the pipe that it closes at its end, and the changes it has seen."""

    def changed(self) -> None:
        """Something is not as it was: before anybody is told so."""
        self._changes += 1
        self._folder.note_change(self._changes, self._clock())
        self._schedule()

    def finish(self) -> None:
        """Writes what is not written; for the end, it blocks."""
        if self._timer is not None:
            self._timer.cancel()
        if self._copy is not None:
            self._reap()
        if self._written != self._changes:
            self._write(self._changes)

    def _schedule(self) -> None:
        if self._timer is not None or self._copy is not None or self._written == self._changes:
            return
        pause_s = max(LOSS_MAX_S - self._took_s, PAUSE_MIN_S)
        if self._failures:
            pause_s = min(2.0**self._failures, RETRY_MAX_S)
        wait_s = max(SETTLE_S, self._begun_s + pause_s - self._monotonic())
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._begun_s = self._monotonic()
        ended, ends = os.pipe()
        try:
            pid = self._fork()
        except OSError as error:
            os.close(ended)
            os.close(ends)
            sys.stderr.write(f"the state cannot be written: {error}\n")
            self._failures += 1
            self._schedule()
            return
        if pid == 0:
            self._be_the_copy(ends)
        os.close(ends)
        self._copy = (pid, ended, self._changes)
        asyncio.get_running_loop().add_reader(ended, self._ended)

    def _be_the_copy(self, ends: int) -> None:
        """Writes and is gone; nothing of the process it is a copy of may run on in it."""
        status = 1
        try:
            # What it inherited would keep connections and ports open after the original's end.
            kept = {2, ends, self._folder.lock_fd}
            for entry in list(Path("/proc/self/fd").iterdir()):
                if int(entry.name) not in kept:
                    _close(int(entry.name))
            gc.disable()  # it would only copy pages
            signal.alarm(WRITE_MAX_S)
            self._write(self._changes)
            status = 0
        except BaseException:  # noqa: BLE001 - whatever it is must not get back into the loop
            traceback.print_exc()
        finally:
            os._exit(status)

    def _write(self, changes: int) -> None:
        contents: set[str] = set()
        taken_at_s = self._clock()

        def keep(content: bytes) -> str:
            name = self._folder.keep(content)
            contents.add(name)
            return name

        dumped = pickling.dump(keep, self._folder.known_kinds())
        if dumped.left_out:
            sys.stderr.write(
                f"the state of {', '.join(dumped.left_out)} cannot be written: a restart forgets it\n"
            )
        self._folder.write(dumped, contents, changes, taken_at_s)

    def _ended(self) -> None:
        self._reap()
        self._schedule()

    def _reap(self) -> None:
        assert self._copy is not None
        pid, ended, changes = self._copy
        self._copy = None
        asyncio.get_running_loop().remove_reader(ended)
        os.close(ended)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self._took_s = self._monotonic() - self._begun_s
        if status == 0:
            self._written = changes
            self._failures = 0
            if self._took_s + PAUSE_MIN_S > LOSS_MAX_S:
                sys.stderr.write(f"writing the state took {self._took_s:.1f} s: a kill may cost as much\n")
        else:
            self._failures += 1
            sys.stderr.write(f"the state could not be written (status {status}); it is tried again\n")


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        pass  # that of the listing itself
