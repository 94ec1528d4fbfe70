"""When a plugin is switched off, and how it comes back: pure functions over one frozen state.

The table mirrors these functions as conditional writes, and `benchmarks/breaker.py` simulates with the very same
functions. Order is the order in which states reach a function: the database's serialisation, never a host's clock.
Times are Unix seconds of whoever writes; they decide when a probe may run and what people read, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from services_ai_sdk.wire.limits import CONSECUTIVE_FAILURES_MAX

CONFIRM_S = 0.25
"""Whoever meets a full set waits this long and reads again before it trips."""

PROBE_DELAY_MIN_S = 60.0
PROBE_DELAY_MAX_S = 3600.0
PROBE_JITTER = 0.2
PROBE_SUCCESSES_TO_CLOSE = 3
LEASE_S = 60.0
"""A probe whose caller vanished blocks the next one for this long; longer than any call may take."""


class State(StrEnum):
    """What people see."""

    ENABLED = "enabled"
    PROBING = "probing"
    AUTO_DISABLED = "auto_disabled"
    DISABLED = "disabled"


class Admission(StrEnum):
    """What a caller may do with a plugin now."""

    CALL = "call"
    PROBE = "probe"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to make one probe call."""

    holder: str
    until_s: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a plugin was switched off: what an alert and `why` say.

    Attributes:
        hook: The hook whose run was full.
        invocation_ids: The failures in that run, sorted.
        type: Of the failure that the tripping caller saw; its message, place and code likewise.
        where: `main.py:31 in route`; empty where the process itself died.
        source: The line of code there; may be empty.
    """

    hook: str
    invocation_ids: tuple[str, ...]
    type: str = ""
    message: str = ""
    where: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """One plugin's breaker.

    Attributes:
        epoch: Rises on every disable, enable, probe close and deploy; a failure seen under an older one counts
            for nothing.
        runs: Per hook the invocation ids of the current run of failures, at most five; of this epoch only.
        since_s: When it was switched on or off: probes do not move it.
        reason: In words; empty for a plugin that is simply on.
        actor: Who did it: a person, or `breaker`.
        probe_at_s: Earliest time of the next probe, while auto-disabled.
        probe_delay_s: The wait that led to `probe_at_s`, before jitter; doubles.
        probe_successes: Of this half-open phase.
        probes_failed: Since it was switched off.
        probe_failed_at_s: When the last of them failed; `probe_failed_id` is its invocation.
        revision: Rises with every write; of two reads the higher one is newer.
    """

    state: State = State.ENABLED
    epoch: int = 1
    runs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    since_s: float = 0.0
    reason: str = ""
    actor: str = ""
    probe_at_s: float = 0.0
    probe_delay_s: float = 0.0
    probe_successes: int = 0
    probes_failed: int = 0
    probe_failed_at_s: float = 0.0
    probe_failed_id: str = ""
    lease: Lease | None = None
    evidence: Evidence | None = None
    revision: int = 0

    def run(self, hook: str) -> frozenset[str]:
        """The hook's current run of failures."""
        return self.runs.get(hook, frozenset())


def counts(state: BreakerState, epoch: int) -> bool:
    """Whether an outcome seen under `epoch` can change the runs."""
    return state.state is State.ENABLED and state.epoch == epoch


def record_failure(state: BreakerState, hook: str, invocation_id: str, epoch: int) -> BreakerState:
    """Adds a failure to the hook's run: idempotent, bounded, and nothing for a late or switched-off one."""
    run = state.run(hook)
    if not counts(state, epoch) or len(run) >= CONSECUTIVE_FAILURES_MAX or invocation_id in run:
        return state
    return replace(state, runs={**state.runs, hook: run | {invocation_id}}, revision=state.revision + 1)


def is_full(state: BreakerState, hook: str, epoch: int) -> bool:
    """Whether a caller that saw `epoch` meets a full set: it must wait `CONFIRM_S` and look again."""
    return counts(state, epoch) and len(state.run(hook)) >= CONSECUTIVE_FAILURES_MAX


def needs_clear(state: BreakerState, hook: str, epoch: int) -> frozenset[str]:
    """What a success must take out of the hook's run: exactly the failures that it found there.

    A failure that arrives between this read and the clear came after the success, and stays.
    """
    return state.run(hook) if counts(state, epoch) else frozenset()


def clear(state: BreakerState, hook: str, found: frozenset[str], epoch: int) -> BreakerState:
    """A success ends the run it found."""
    left = state.run(hook) - found
    if not counts(state, epoch) or left == state.run(hook):
        return state
    runs = {name: run for name, run in state.runs.items() if name != hook}
    return replace(state, runs={**runs, hook: left} if left else runs, revision=state.revision + 1)


def confirms(seen: BreakerState, now: BreakerState, hook: str) -> bool:
    """Whether the full run of `seen` still stands, unchanged, in `now`."""
    return is_full(seen, hook, seen.epoch) and counts(now, seen.epoch) and now.run(hook) == seen.run(hook)


def trip(state: BreakerState, evidence: Evidence, now_s: float, jitter: float) -> BreakerState:
    """Switches the whole plugin off.

    Args:
        state: What `confirms` just agreed to.
        evidence: Why.
        now_s: Unix time.
        jitter: From 0 to 1.
    """
    return replace(
        state,
        state=State.AUTO_DISABLED,
        epoch=state.epoch + 1,
        runs={},
        since_s=now_s,
        reason=f"{CONSECUTIVE_FAILURES_MAX} failures in a row on {evidence.hook}",
        actor="breaker",
        probe_at_s=now_s + _jittered(PROBE_DELAY_MIN_S, jitter),
        probe_delay_s=PROBE_DELAY_MIN_S,
        probe_successes=0,
        probes_failed=0,
        probe_failed_at_s=0.0,
        probe_failed_id="",
        lease=None,
        evidence=evidence,
        revision=state.revision + 1,
    )


def admit(state: BreakerState, now_s: float) -> Admission:
    """What a caller may do now; `PROBE` still needs the lease."""
    if state.state is State.ENABLED:
        return Admission.CALL
    if state.state is State.DISABLED:
        return Admission.SKIP
    if state.lease is not None and now_s < state.lease.until_s:
        return Admission.SKIP
    return Admission.PROBE if state.state is State.PROBING or now_s >= state.probe_at_s else Admission.SKIP


def take_lease(state: BreakerState, holder: str, now_s: float) -> BreakerState:
    """The state once `holder` makes the probe that `admit` allowed."""
    first = state.state is not State.PROBING
    return replace(
        state,
        state=State.PROBING,
        probe_successes=0 if first else state.probe_successes,
        lease=Lease(holder, now_s + LEASE_S),
        revision=state.revision + 1,
    )


def probe_succeeded(state: BreakerState, now_s: float) -> BreakerState:
    """The lease's holder saw a success: the third in a row closes the breaker."""
    successes = state.probe_successes + 1
    if successes < PROBE_SUCCESSES_TO_CLOSE:
        return replace(state, probe_successes=successes, lease=None, revision=state.revision + 1)
    return _on(state, now_s, actor="breaker", reason=f"{successes} probes in a row succeeded")


def probe_failed(state: BreakerState, now_s: float, jitter: float) -> BreakerState:
    """The lease's holder saw a failure: off again, for twice as long, up to an hour."""
    delay_s = min(max(state.probe_delay_s * 2, PROBE_DELAY_MIN_S), PROBE_DELAY_MAX_S)
    return replace(
        state,
        state=State.AUTO_DISABLED,
        probe_at_s=now_s + _jittered(delay_s, jitter),
        probe_delay_s=delay_s,
        probe_successes=0,
        probes_failed=state.probes_failed + 1,
        probe_failed_at_s=now_s,
        probe_failed_id=state.lease.holder if state.lease else "",
        lease=None,
        revision=state.revision + 1,
    )


def probe_uncounted(state: BreakerState) -> BreakerState:
    """The probe never reached the plugin: the next caller may try."""
    return replace(state, lease=None, revision=state.revision + 1)


def enable(state: BreakerState, now_s: float, actor: str, reason: str) -> BreakerState:
    """A person switches it on; a plugin that is on already stays as it is."""
    return state if state.state is State.ENABLED else _on(state, now_s, actor=actor, reason=reason)


def disable(state: BreakerState, now_s: float, actor: str, reason: str) -> BreakerState:
    """A person switches it off: it never comes back by itself."""
    if state.state is State.DISABLED:
        return state
    return replace(_on(state, now_s, actor=actor, reason=reason), state=State.DISABLED, evidence=state.evidence)


def deploy(state: BreakerState, now_s: float, actor: str, reason: str) -> BreakerState:
    """New code: what the old one did counts no longer. A manual disable stays."""
    if state.state is State.DISABLED:
        return replace(state, epoch=state.epoch + 1, runs={}, revision=state.revision + 1)
    return _on(state, now_s, actor=actor, reason=reason)


def _on(state: BreakerState, now_s: float, *, actor: str, reason: str) -> BreakerState:
    return BreakerState(
        state=State.ENABLED,
        epoch=state.epoch + 1,
        since_s=now_s,
        reason=reason,
        actor=actor,
        revision=state.revision + 1,
    )


def _jittered(delay_s: float, jitter: float) -> float:
    return delay_s * (1 - PROBE_JITTER + 2 * PROBE_JITTER * jitter)
