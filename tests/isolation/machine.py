"""A machine with things on it that a plugin must not reach: all of them real, for as long as the tests run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.isolation.stripped import HOST_FOLDER

VARIABLE = "SERVICES_AI_ISOLATION_SECRET"


@contextlib.contextmanager
def machine() -> Iterator[dict[str, Any]]:
    """Makes them; yields where they are, as the attempts are told."""
    folder = Path(tempfile.mkdtemp(prefix="isolation-", dir=HOST_FOLDER))
    with contextlib.ExitStack() as ends:
        ends.callback(shutil.rmtree, folder)
        folder.chmod(0o755)
        secret = folder / "secret.txt"
        secret.write_text("nobody but me")
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        abstract = f"services-ai-isolation-{os.getpid()}"
        tcp = ends.enter_context(socket.create_server(("127.0.0.1", 0)))
        ends.enter_context(_listening("\0" + abstract))
        ends.enter_context(_listening(str(folder / "socket")))
        (folder / "socket").chmod(0o777)
        os.environ[VARIABLE] = "of the engine"
        ends.callback(os.environ.pop, VARIABLE)
        yield {
            "secret_file": str(secret),
            "open_folder": str(folder / "open"),
            "unix_socket": str(folder / "socket"),
            "tcp": tcp.getsockname()[1],
            "udp": ends.enter_context(_echo()),
            "abstract": abstract,
            "ipc_key": _shared_memory(ends),
            "variable": VARIABLE,
            "engine": os.getpid(),
            "host_name": socket.gethostname(),
        }


def _listening(address: str) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX)
    opened.bind(address)
    opened.listen(64)
    return opened


@contextlib.contextmanager
def _echo() -> Iterator[int]:
    """A UDP port that answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]

        def serve() -> None:
            while (received := opened.recvfrom(100))[0] != b"end":
                opened.sendto(b"in", received[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(b"end", ("127.0.0.1", port))
            thread.join()


def _shared_memory(ends: contextlib.ExitStack) -> int:
    # Of this process: two runs on one machine must not take each other's away.
    key = 0x5E600000 | os.getpid() & 0xFFFFF
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    create = 0o1000
    memory = libc.shmget(key, 4096, create | 0o666)
    semaphore = libc.semget(key, 1, create | 0o666)
    queue = libc.msgget(key, create | 0o666)
    assert -1 not in (memory, semaphore, queue), os.strerror(ctypes.get_errno())
    ends.callback(libc.shmctl, memory, 0, None)
    ends.callback(libc.semctl, semaphore, 0, 0)
    ends.callback(libc.msgctl, queue, 0, None)
    return key
