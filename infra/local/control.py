"""The line between a launcher and the daemon it started: one JSON object a line, both ways."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any


class ControlLine:
    """The daemon's end: commands on standard input, events on standard output.

    Attributes:
        detached: The launcher said that the local cloud shall outlive it.
        commands: What the launcher sent; None when it is gone.
    """

    def __init__(self, input_fd: int = 0, output_fd: int = 1) -> None:
        self._input = input_fd
        self._output = output_fd
        self._buffer = b""
        self.detached = False
        self.commands: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def send(self, event: str, **data: Any) -> None:
        """Tells the launcher; one that is gone does not hear it, and that is no error."""
        try:
            os.write(self._output, json.dumps({"event": event, **data}).encode() + b"\n")
        except OSError:
            pass  # the closed standard input says the same, and is acted on

    def listen(self) -> None:
        """Starts reading commands on the running loop."""
        os.set_blocking(self._input, False)
        asyncio.get_running_loop().add_reader(self._input, self._readable)

    def hang_up(self) -> None:
        """Stops reading; nothing is sent any more."""
        asyncio.get_running_loop().remove_reader(self._input)

    def _readable(self) -> None:
        try:
            data = os.read(self._input, 65536)
        except BlockingIOError:
            return
        if not data:
            self.hang_up()
            self.commands.put_nowait(None)
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            self.detached = self.detached or command.get("command") == "detach"
            self.commands.put_nowait(command)
