"""The end of a hook's time, inside the process: an exception where it hangs, else the end of the process.

Lambda's own timeout ends a function's environment and says nothing of where it was. The runtime's budget is
shorter, so a hook that hangs is reported with the line that it hangs in, while its caller still waits.
"""

from __future__ import annotations

import faulthandler
import signal
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

STDERR = 2


class HookTimedOut(BaseException):
    """The hook used up its time. Not an `Exception`: a retry loop's `except Exception` must not swallow it."""


class TimeLimit:
    """Raises `HookTimedOut` in the main thread once the time is over.

    Code that swallows even that, or that never comes back from C, is ended with its process a moment later, with
    the stacks of its threads on standard error; only where `ends_process` says so. In another thread than the main
    one there is no signal, so only that second step.

    Args:
        what: What runs, for the text.
        limit_s: From entering; None for no limit.
        ends_process: Whether the process may be ended: in Lambda yes, in an author's test run no.
    """

    def __init__(self, what: str, limit_s: float | None, *, ends_process: bool = False) -> None:
        self._what = what
        self._limit_s = limit_s
        self._ends_process = ends_process
        self._armed = False
        self._before: Any = None

    def __enter__(self) -> None:
        if self._limit_s is None:
            return
        self._armed = True
        if self._ends_process:
            faulthandler.dump_traceback_later(self._limit_s * 1.02 + 0.05, exit=True, file=STDERR)
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGALRM, self._over)
            signal.setitimer(signal.ITIMER_REAL, self._limit_s)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(self, call: Callable[[], _T]) -> _T:
        """What `call` returns, if it does so in time; the limit is off afterwards, however it ended.

        Raises:
            HookTimedOut: It did not.
            BaseException: Whatever `call` raises.
        """
        try:
            with self:
                return call()
        except BaseException:
            # The alarm may have rung in `__exit__` itself; it rings once.
            self._end()
            raise

    def _end(self) -> None:
        if not self._armed:
            return
        if self._ends_process:
            faulthandler.cancel_dump_traceback_later()
        if threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, 0)
            # None is a handler that was not set from Python.
            signal.signal(signal.SIGALRM, signal.SIG_DFL if self._before is None else self._before)
        self._armed = False

    def _over(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed:
            raise HookTimedOut(f"{self._what} was still running after {self._limit_s:.1f} s")
