"""`… | head -1`: whoever read our output has seen enough."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_when_nobody_reads() -> Iterator[None]:
    """Around all that a process does: a closed pipe ends it without a word; an exit code of its own stays.

    Typer ends with 1 where it meets a closed pipe, and so does rich; that is no finding of ours.
    """
    try:
        yield
    except SystemExit as ended:
        closed = isinstance(ended.__context__, BrokenPipeError)
        if not _flushed() or closed:
            raise SystemExit(0 if closed else ended.code) from None
        raise
    except BrokenPipeError:
        _discard_output()
        raise SystemExit(0) from None
    _flushed()


def _flushed() -> bool:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return False
    return True


def _discard_output() -> None:
    # Python writes what is left once more when it ends, and would complain then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
