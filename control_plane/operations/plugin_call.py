"""One plugin's part of one hook call: admitted, invoked, classified, and its outcome written through."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from control_plane.operations.clock import Clock
from control_plane.operations.ports import Invoker, NotInvoked
from control_plane.operations.routing import Routing
from control_plane.rules import breaker as rules
from control_plane.rules import budget
from control_plane.rules.breaker import Admission, BreakerState, Evidence
from control_plane.rules.classify import Classified, classify, uncounted
from control_plane.rules.text import one_line
from control_plane.table.breakers import Breakers
from control_plane.table.errors import place
from control_plane.table.routes import Route
from services_ai_sdk.wire.errors import PlatformError
from services_ai_sdk.wire.failure import Failure
from services_ai_sdk.wire.outcome import OutcomeClass


@dataclass(frozen=True, slots=True)
class Part:
    """What came of it.

    Attributes:
        skipped: Why the plugin was not called; empty when it was.
        duration_ms: What the caller waited.
        size_bytes: Of the plugin's answer.
    """

    route: Route
    invocation_id: str
    epoch: int
    what: Classified
    skipped: str = ""
    duration_ms: float = 0.0
    worker_pid: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every plugin's part needs.

    Attributes:
        jitter: A random number from 0 to 1.
        warn: Takes a text when an outcome could not be written, or something of ours broke.
    """

    routing: Routing
    breakers: Breakers
    invoker: Invoker
    clock: Clock
    jitter: Callable[[], float]
    warn: Callable[[str], None]


class PluginCall:
    """One plugin's part; `run` belongs on a thread of its own.

    Args:
        around: Shared by all parts.
        route: Who.
        state: The breaker as this environment knows it.
        invocation_id: Of this event for this plugin.
        payload: The envelope as JSON, given the epoch and the hook's budget in milliseconds.
        deadline_s: By `clock.ticks_s`: when the caller stops waiting.

    Attributes:
        answered: The part, as soon as it is known.
        recorded: Done once the outcome is written through.
    """

    def __init__(
        self,
        around: Surroundings,
        route: Route,
        state: BreakerState,
        invocation_id: str,
        payload: Callable[[int, int], bytes],
        deadline_s: float,
    ) -> None:
        self._around = around
        self.route = route
        self.state = state
        self.invocation_id = invocation_id
        self._payload = payload
        self._deadline_s = deadline_s
        self._started_s = around.clock.ticks_s()
        self.answered: Future[Part] = Future()
        self.recorded: Future[None] = Future()

    def run(self) -> None:
        """Calls the plugin and writes the outcome through. Never raises: one part is no other's business."""
        try:
            probe = self._admit()
            part = self._skip() if probe is Admission.SKIP else self._invoke()
        except Exception as error:  # noqa: BLE001 - a fault of ours costs this plugin's part, not the whole hook
            self._around.warn(f"calling {self.route.plugin_id}: {traceback.format_exc()}")
            self.answered.set_result(self._part(uncounted(f"not called: {type(error).__name__}: {error}")))
            self.recorded.set_result(None)
            return
        self.answered.set_result(part)
        try:
            self._record(part, is_probe=probe is Admission.PROBE)
        except PlatformError as error:
            # A hook never fails because recording failed.
            self._around.warn(f"an outcome of {self.route.plugin_id} was not written: {error.message}")
        except Exception:  # noqa: BLE001 - as above
            self._around.warn(f"an outcome of {self.route.plugin_id} was not written: {traceback.format_exc()}")
        finally:
            self.recorded.set_result(None)

    def late(self) -> Part:
        """The part for a caller that waits no longer."""
        waited_ms = self._waited_ms()
        return self._part(uncounted(f"no answer within {waited_ms:.0f} ms"), duration_ms=waited_ms)

    def _admit(self) -> Admission:
        admission = rules.admit(self.state, self._around.clock.now_s())
        if admission is not Admission.PROBE:
            return admission
        asked_at_s = self._around.clock.now_s()
        try:
            won, state = self._around.breakers.take_lease(
                self.route.plugin_id, self.state, self.invocation_id, asked_at_s
            )
        except PlatformError as error:
            # Known to be off: without the lease it stays off.
            self._around.warn(f"no probe of {self.route.plugin_id}: {error.message}")
            return Admission.SKIP
        self._around.routing.saw(self.route.plugin_id, state, asked_at_s)
        if state is not None:
            self.state = state
        return Admission.PROBE if won else Admission.SKIP

    def _skip(self) -> Part:
        return self._part(Classified(OutcomeClass.SKIPPED), skipped=str(self.state.state))

    def _invoke(self) -> Part:
        left_s = max(0.0, self._deadline_s - self._around.clock.ticks_s())
        budget_s = budget.given_s(left_s, self.route.timeout_s)
        payload = self._payload(self.state.epoch, max(1, int(budget_s * 1000)))
        try:
            answer = self._around.invoker.invoke(self.route.alias_arn, payload, left_s)
        except NotInvoked as refusal:
            skipped = f"not run: {refusal.not_run}" if refusal.not_run else ""
            return self._part(uncounted(refusal.reason), skipped=skipped, duration_ms=self._waited_ms())
        waited_ms = self._waited_ms()
        what = classify(answer.status_code, answer.function_error, answer.payload)
        return self._part(
            budget.judged(what, budget_s, self.route.timeout_s, waited_ms / 1000),
            duration_ms=waited_ms,
            worker_pid=answer.worker_pid,
            size_bytes=len(answer.payload),
        )

    def _record(self, part: Part, *, is_probe: bool) -> None:
        if is_probe:
            self._end_probe(part)
        elif part.what.failure is not None:
            self._write_failure(part.what.failure)

    def _end_probe(self, part: Part) -> None:
        now_s = self._around.clock.now_s()
        match part.what.outcome:
            case OutcomeClass.SUCCESS:
                after = rules.probe_succeeded(self.state, now_s)
            case OutcomeClass.FAILURE:
                after = rules.probe_failed(self.state, now_s, self._around.jitter())
            case _:
                after = rules.probe_uncounted(self.state)
        _, state = self._around.breakers.end_probe(self.route.plugin_id, self.state, after)
        self._around.routing.saw(self.route.plugin_id, state, now_s)

    def _write_failure(self, failure: Failure) -> None:
        """Writes it through; whoever meets a full set waits, looks again and trips."""
        plugin_id, hook, epoch = self.route.plugin_id, self.route.hook, self.state.epoch
        clock, breakers, routing = self._around.clock, self._around.breakers, self._around.routing
        asked_at_s = clock.now_s()
        seen = breakers.add_failure(plugin_id, hook, self.invocation_id, epoch)
        routing.saw(plugin_id, seen, asked_at_s)
        if seen is None or not rules.is_full(seen, hook, epoch):
            return
        clock.sleep(rules.CONFIRM_S)
        now = routing.refresh([plugin_id])[plugin_id]
        if now is None or not rules.confirms(seen, now, hook):
            return
        where, source = place(failure)
        evidence = Evidence(
            hook=hook,
            invocation_ids=tuple(sorted(now.run(hook))),
            type=failure.type,
            message=one_line(failure.message, 300),
            where=where,
            source=source[:300],
        )
        asked_at_s = clock.now_s()
        _, after = breakers.trip(plugin_id, now, evidence, asked_at_s, self._around.jitter())
        routing.saw(plugin_id, after, asked_at_s)

    def _part(
        self,
        what: Classified,
        *,
        skipped: str = "",
        duration_ms: float = 0.0,
        worker_pid: int = 0,
        size_bytes: int = 0,
    ) -> Part:
        return Part(
            route=self.route,
            invocation_id=self.invocation_id,
            epoch=self.state.epoch,
            what=what,
            skipped=skipped,
            duration_ms=duration_ms,
            worker_pid=worker_pid,
            size_bytes=size_bytes,
        )

    def _waited_ms(self) -> float:
        return round((self._around.clock.ticks_s() - self._started_s) * 1000, 3)
