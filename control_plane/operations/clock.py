"""Time, as an argument."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """What operations know of time.

    Attributes:
        now_s: Unix time. Freshness is measured with it too: an environment that was frozen must notice.
        ticks_s: For durations only.
        sleep: Blocks the calling thread.
    """

    now_s: Callable[[], float] = time.time
    ticks_s: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep

    def now_ms(self) -> int:
        """Unix time in whole milliseconds."""
        return int(self.now_s() * 1000)
