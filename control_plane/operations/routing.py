"""What one environment knows of routes and breakers, and for how long it may rely on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from control_plane.rules.breaker import BreakerState
from control_plane.table.breakers import Breakers
from control_plane.table.routes import Route, Routes
from services_ai_sdk.wire.errors import PlatformError


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a read that began at `asked_at_s` said."""

    state: BreakerState | None
    asked_at_s: float


class Routing:
    """Routes and states, cached for at most `freshness_s`, and refreshed by every read that a call makes anyway.

    While the control plane cannot be reached, what was known goes on being used: an off plugin stays off, the
    others run.

    Args:
        routes: Listeners by hook.
        breakers: States.
        freshness_s: Longest time that anything is relied on without another look.
        now_s: Unix time.
        warn: Takes one line when the control plane cannot be reached.
    """

    def __init__(
        self,
        routes: Routes,
        breakers: Breakers,
        *,
        freshness_s: float,
        now_s: Callable[[], float],
        warn: Callable[[str], None],
    ) -> None:
        self._routes = routes
        self._breakers = breakers
        self._freshness_s = freshness_s
        self._now_s = now_s
        self._warn = warn
        self._lock = threading.Lock()
        self._listeners: dict[str, tuple[tuple[Route, ...], float]] = {}
        self._states: dict[str, _Seen] = {}
        self._unreachable_until_s = 0.0

    def listeners(self, hook: str) -> tuple[Route, ...]:
        """Who listens, by priority, then id.

        Raises:
            PlatformError: The table cannot be read and nothing is known of this hook yet.
        """
        known = self._listeners.get(hook)
        if known is not None and self._fresh(known[1]):
            return known[0]
        asked_at_s = self._now_s()
        if known is not None and asked_at_s < self._unreachable_until_s:
            return known[0]
        try:
            found = self._routes.listeners(hook)
        except PlatformError as error:
            self._unreachable(error)
            if known is None:
                raise
            return known[0]
        self._listeners[hook] = (found, asked_at_s)
        return found

    def states(self, plugin_ids: Iterable[str]) -> dict[str, BreakerState | None]:
        """Breakers, each at most `freshness_s` old; None for a plugin that is gone.

        Raises:
            PlatformError: The table cannot be read and nothing is known of one of them yet.
        """
        wanted = list(plugin_ids)
        stale = [
            name for name in wanted if (seen := self._states.get(name)) is None or not self._fresh(seen.asked_at_s)
        ]
        unknown = [name for name in stale if name not in self._states]
        if stale and (unknown or self._now_s() >= self._unreachable_until_s):
            try:
                self.refresh(stale)
            except PlatformError as error:
                self._unreachable(error)
                if unknown:
                    raise
        return {name: self._states[name].state for name in wanted}

    def refresh(self, plugin_ids: list[str]) -> dict[str, BreakerState | None]:
        """One strongly consistent read of these breakers.

        Raises:
            PlatformError: The table cannot be read.
        """
        asked_at_s = self._now_s()
        found = self._breakers.read(plugin_ids)
        for name in plugin_ids:
            self.saw(name, found.get(name), asked_at_s)
        return {name: found.get(name) for name in plugin_ids}

    def saw(self, plugin_id: str, state: BreakerState | None, asked_at_s: float) -> None:
        """A read or a write of this environment showed a state; an older one than what is known is ignored."""
        with self._lock:
            known = self._states.get(plugin_id)
            if known is not None and known.state is not None and state is not None:
                if state.revision < known.state.revision:
                    return
                if state.epoch != known.state.epoch:
                    # A deploy may be behind it: look routes up again, and keep these for when that fails.
                    self._listeners = {
                        hook: (routes, float("-inf")) for hook, (routes, _) in self._listeners.items()
                    }
            self._states[plugin_id] = _Seen(state, asked_at_s)

    def _fresh(self, asked_at_s: float) -> bool:
        return 0 <= self._now_s() - asked_at_s < self._freshness_s

    def _unreachable(self, error: PlatformError) -> None:
        self._unreachable_until_s = self._now_s() + self._freshness_s
        self._warn(f"the control plane cannot be read, going on with what is known: {error.message}")
