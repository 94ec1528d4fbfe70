"""Which call is slowed, throttled or failed: pure, so that the same calls at the same times meet the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

from infra.local.faults.profile import FaultProfile, Kind, Latency, Rule, Throttle

R = TypeVar("R", bound=Rule)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one call.

    Attributes:
        delay_s: It waits before anything else.
        kind: It fails so, and is not carried out; None where it is.
    """

    delay_s: float = 0.0
    kind: Kind | None = None


class TokenBucket:
    """Lets a burst through, then a rate.

    Args:
        rate_per_s: Tokens that come back.
        burst: Most tokens at once.
        now_s: The time it starts at, full.
    """

    def __init__(self, rate_per_s: float, burst: int, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Whether there was a token."""
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._rate_per_s)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Decisions:
    """Decides by a profile.

    Chance is drawn from the seed, the rule and how many calls that rule has seen: two services that are called at
    once do not change each other's luck.

    Args:
        profile: What to inject.
        clock: Monotonic seconds.
    """

    def __init__(self, profile: FaultProfile, clock: Callable[[], float]) -> None:
        self._profile = profile
        self._clock = clock
        self._buckets = {rule: TokenBucket(rule.rate_per_s, rule.burst, clock()) for rule in profile.throttles}
        self._drawn: Counter[str] = Counter()

    def of(self, service: str, action: str) -> Decision:
        """Decides about one call."""
        latency: Latency | None = _first(self._profile.latency, service, action)
        delay_s = 0.0
        if latency is not None:
            jitter_ms = latency.jitter_ms * self._draw(f"latency {service}") if latency.jitter_ms else 0.0
            delay_s = (latency.add_ms + jitter_ms) / 1000
        throttle: Throttle | None = _first(self._profile.throttles, service, action)
        if throttle is not None and not self._buckets[throttle].take(self._clock()):
            return Decision(delay_s, "throttled")
        for index, failure in enumerate(self._profile.failures):
            if _fits(failure, service, action) and self._draw(f"failure {index}") < failure.rate:
                return Decision(delay_s, failure.kind)
        return Decision(delay_s)

    def _draw(self, what: str) -> float:
        self._drawn[what] += 1
        text = f"{self._profile.seed} {what} {self._drawn[what]}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7]) / 2**56


def _first(rules: Sequence[R], service: str, action: str) -> R | None:
    return next((rule for rule in rules if _fits(rule, service, action)), None)


def _fits(rule: Rule, service: str, action: str) -> bool:
    return rule.service == service and any(fnmatchcase(action, pattern) for pattern in rule.actions)
