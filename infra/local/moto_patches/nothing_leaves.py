"""moto calls out: to addresses of event destinations, integrations and delivery streams, to Docker, to AWS itself.

It runs outside every sandbox, so whoever may make such a resource would reach this machine's network. The process
needs none of that: it answers the connections that it accepted. Python itself is told to refuse the rest, whoever
asks, also those that a later moto adds.
"""

from __future__ import annotations

import os
import sys
from typing import Any

_CLOSED = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
        "pty.spawn",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.getnameinfo",
        "socket.sendmsg",
        "socket.sendto",
        "subprocess.Popen",
    }
)
"""Audit events (Python's documentation, "Audit events table")."""
_SHOWN_MAX = 300
_forking: list[bool] = []
"""Not empty while `fork` runs. The process has one thread: nobody else is in between."""


def apply() -> None:
    """From now on nothing in this process connects, looks a name up, or starts a program; it cannot be undone."""
    sys.addaudithook(_refuse)


def fork() -> int:
    """`os.fork` for the one copy that is wanted: it writes the state down, under the same refusals, and ends."""
    _forking.append(True)
    try:
        return os.fork()
    finally:
        _forking.clear()


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _CLOSED or (event == "os.fork" and _forking):
        return
    # The socket itself says nothing to a reader.
    shown = repr(arguments[1:] if event.startswith(("socket.connect", "socket.send")) else arguments)
    message = f"moto may not leave its process: {event} {shown:.{_SHOWN_MAX}}"
    sys.stderr.write(message + "\n")
    raise PermissionError(message)
