"""Bytes for a child process, as a file that is nowhere on disk."""

from __future__ import annotations

import contextlib
import os


def memory_file(content: bytes, closes: contextlib.ExitStack) -> int:
    """A descriptor to be inherited, at its beginning; `closes` closes it."""
    fd = os.memfd_create("services-ai")
    closes.callback(os.close, fd)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    os.set_inheritable(fd, True)
    return fd
