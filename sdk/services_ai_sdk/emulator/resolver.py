"""Names to addresses, by this machine's own means, for connections that leave a sandbox."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

_AT_ONCE = 4


class Resolver(Protocol):
    """Looks a name up."""

    async def addresses(self, host: str, port: int) -> list[str]:
        """Its addresses, the one to try first at the beginning.

        Raises:
            OSError: It has none.
        """


class SystemResolver:
    """The machine's: hosts file, DNS, whatever it is set up with."""

    def __init__(self) -> None:
        # Of their own, so that names that take long hold up nothing else of the engine's.
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="names")

    async def addresses(self, host: str, port: int) -> list[str]:
        """Its addresses."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, socket.getaddrinfo, host, port, socket.AF_UNSPEC, socket.SOCK_STREAM
        )
        return list(dict.fromkeys(str(address[0]) for *_, address in found))
