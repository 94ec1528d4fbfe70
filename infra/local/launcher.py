"""The daemon's process as its launcher sees it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from infra.local.state import StateDir
from services_ai_sdk.wire.errors import PlatformError

Progress = Callable[[str], None]
STOP_MAX_S = 15.0
LOG_TAIL_LINES = 15


class DaemonProcess:
    """A daemon that was just started. It ends with this process unless it is detached.

    Args:
        state: Its directory.
        request: Its options.
        progress: Takes its lines for people, from a thread of its own, as they come.
    """

    def __init__(self, state: StateDir, request: Mapping[str, Any], progress: Progress) -> None:
        self._state = state
        self._progress = progress
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        # Nothing of the caller's AWS settings may decide where it goes.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with state.cloud_log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "infra.local.daemon"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C is ours to hear: we end it in order.
                start_new_session=True,
                cwd=state.path,
                env=environment,
            )
        self._write(dict(request))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, event: str) -> dict[str, Any]:
        """Waits for an event.

        Raises:
            PlatformError: The daemon failed, or ended without a word.
        """
        while (received := self._events.get()) is not None:
            if received["event"] == event:
                return received
            if received["event"] == "failed":
                error = received["error"]
                raise PlatformError(
                    error["message"], code=error["code"], hint=error["hint"], details=error["details"]
                )
        tail = self._state.cloud_log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        raise PlatformError(
            "\n".join(["the local cloud ended while starting", *tail]),
            code="local-cloud-broken",
            hint=f"the whole log: {self._state.cloud_log}",
        )

    def send(self, command: str, **data: Any) -> None:
        """Gives it a command; one that is gone does not hear it, and whoever waits for its answer learns that."""
        self._write({"command": command, **data})

    def wait(self) -> int:
        """Returns its exit status when it ends."""
        return self._process.wait()

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def detach(self) -> None:
        """Lets it outlive this process."""
        self.send("detach")
        self._hang_up()

    def stop(self) -> None:
        """Ends it in order; by force when it does not listen."""
        self._hang_up()
        try:
            self._process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _hang_up(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _write(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "progress":
                self._progress(event["text"])
            else:
                self._events.put(event)
        self._events.put(None)
