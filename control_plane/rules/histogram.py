"""Durations as counts in buckets that grow by a constant factor: two histograms merge by adding.

The method is DDSketch's (Masson, Rim, Lee 2019): any quantile is off by at most `RELATIVE_ERROR`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

RELATIVE_ERROR = 0.02
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
SMALLEST_MS = 0.05
LARGEST_MS = 3_600_000.0


def bucket(duration_ms: float) -> int:
    """The bucket of a duration; what is no duration goes to the nearest one that is."""
    if not duration_ms > SMALLEST_MS:  # also NaN
        duration_ms = SMALLEST_MS
    return math.ceil(math.log(min(duration_ms, LARGEST_MS)) / _LOG_GAMMA)


def quantile_ms(counts: Mapping[int, int], q: float) -> float | None:
    """The `q`-quantile of all durations in `counts`; None when there are none."""
    total = sum(counts.values())
    if total == 0:
        return None
    rank = q * (total - 1)
    seen = 0
    for index in sorted(counts):
        seen += counts[index]
        if seen > rank:
            return float(2 * _GAMMA**index / (_GAMMA + 1))
    raise AssertionError("the counts add up to their total")
