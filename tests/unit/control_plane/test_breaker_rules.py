from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.rules import breaker
from control_plane.rules.breaker import Admission, BreakerState, Evidence, State

HOOK = "lead_created"


def failed(count: int, state: BreakerState | None = None) -> BreakerState:
    state = state or BreakerState()
    for number in range(count):
        state = breaker.record_failure(state, HOOK, f"i{number}", state.epoch)
    return state


def tripped(now_s: float = 1000.0, jitter: float = 0.5) -> BreakerState:
    full = failed(5)
    return breaker.trip(full, Evidence(HOOK, tuple(sorted(full.run(HOOK)))), now_s, jitter)


def test_a_run_is_bounded_idempotent_and_of_one_epoch() -> None:
    assert len(failed(50).run(HOOK)) == 5
    one = breaker.record_failure(BreakerState(), HOOK, "a", 1)
    assert breaker.record_failure(one, HOOK, "a", 1) is one
    assert breaker.record_failure(one, HOOK, "b", 0) is one
    assert breaker.record_failure(one, HOOK, "b", 2) is one


@pytest.mark.parametrize("state", [State.DISABLED, State.AUTO_DISABLED, State.PROBING])
def test_nothing_counts_while_it_is_not_on(state: State) -> None:
    off = BreakerState(state=state)
    assert breaker.record_failure(off, HOOK, "a", 1) is off
    assert not breaker.is_full(off, HOOK, 1)
    assert breaker.needs_clear(off, HOOK, 1) == frozenset()


def test_a_success_takes_out_what_it_found_and_nothing_else() -> None:
    four = failed(4)
    found = breaker.needs_clear(four, HOOK, 1)
    five = breaker.record_failure(four, HOOK, "i4", 1)
    assert breaker.clear(five, HOOK, found, 1).run(HOOK) == {"i4"}
    assert breaker.clear(four, HOOK, found, 1).runs == {}
    assert breaker.clear(four, HOOK, found, 0) is four


def test_hooks_have_runs_of_their_own() -> None:
    state = breaker.record_failure(failed(4), "lead_updated", "x", 1)
    cleared = breaker.clear(state, "lead_updated", frozenset({"x"}), 1)
    assert len(cleared.run(HOOK)) == 4


def test_the_same_five_must_stand() -> None:
    full = failed(5)
    assert breaker.confirms(full, full, HOOK)
    assert not breaker.confirms(failed(4), failed(4), HOOK)
    other = breaker.record_failure(breaker.clear(full, HOOK, frozenset({"i0"}), 1), HOOK, "i9", 1)
    assert len(other.run(HOOK)) == 5
    assert not breaker.confirms(full, other, HOOK)
    assert not breaker.confirms(full, breaker.deploy(full, 1, "ada", ""), HOOK)
    assert not breaker.confirms(full, breaker.disable(full, 1, "ada", ""), HOOK)


def test_a_trip_starts_a_new_epoch_and_says_when_the_probe_is() -> None:
    state = tripped(now_s=1000.0)
    assert (state.state, state.epoch, state.runs, state.since_s) == (State.AUTO_DISABLED, 2, {}, 1000.0)
    assert state.probe_at_s == 1060.0
    assert tripped(jitter=0.0).probe_at_s == 1048.0
    assert tripped(jitter=1.0).probe_at_s == 1072.0


def test_who_may_call_when() -> None:
    off = tripped(now_s=0.0)
    assert breaker.admit(BreakerState(), 5.0) is Admission.CALL
    assert breaker.admit(off, 59.9) is Admission.SKIP
    assert breaker.admit(off, 60.0) is Admission.PROBE
    probing = breaker.take_lease(off, "me", 60.0)
    assert breaker.admit(probing, 61.0) is Admission.SKIP
    assert breaker.admit(probing, 60.0 + breaker.LEASE_S) is Admission.PROBE
    assert breaker.admit(breaker.disable(off, 1.0, "ada", ""), 1e9) is Admission.SKIP


def test_three_good_probes_close_one_bad_one_opens_for_twice_as_long() -> None:
    state = breaker.take_lease(tripped(now_s=0.0), "a", 60.0)
    for now_s in (60.0, 61.0):
        state = breaker.take_lease(breaker.probe_succeeded(state, now_s), "b", now_s)
        assert state.state is State.PROBING
    closed = breaker.probe_succeeded(state, 62.0)
    assert (closed.state, closed.epoch, closed.evidence) == (State.ENABLED, 3, None)
    bad = breaker.probe_failed(state, 62.0, 0.5)
    assert (bad.state, bad.epoch, bad.probe_at_s, bad.probe_successes) == (State.AUTO_DISABLED, 2, 182.0, 0)


def test_the_wait_doubles_to_an_hour() -> None:
    state, waits = tripped(now_s=0.0), []
    for _ in range(9):
        state = breaker.probe_failed(breaker.take_lease(state, "a", state.probe_at_s), state.probe_at_s, 0.5)
        waits.append(state.probe_delay_s)
    assert waits == [120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]


def test_a_probe_that_never_arrived_gives_the_lease_back_and_counts_for_nothing() -> None:
    leased = breaker.take_lease(tripped(now_s=0.0), "a", 60.0)
    back = breaker.probe_uncounted(leased)
    assert (back.state, back.lease, back.probe_successes) == (State.PROBING, None, 0)
    assert breaker.admit(back, 60.0) is Admission.PROBE


def test_people_switch() -> None:
    off = breaker.disable(failed(3), 5.0, "ada", "wrong scores")
    assert (off.state, off.epoch, off.runs, off.reason, off.actor) == (
        State.DISABLED, 2, {}, "wrong scores", "ada",
    )  # fmt: skip
    assert breaker.disable(off, 6.0, "bob", "again") is off
    on = breaker.enable(off, 7.0, "ada", "fixed")
    assert (on.state, on.epoch, on.runs) == (State.ENABLED, 3, {})
    assert breaker.enable(on, 8.0, "bob", "") is on
    assert breaker.deploy(off, 9.0, "ada", "1.1").state is State.DISABLED
    assert breaker.deploy(tripped(), 9.0, "ada", "1.1").state is State.ENABLED


@given(st.lists(st.sampled_from(["fail", "clear", "enable", "disable", "deploy"]), max_size=30))
def test_epochs_never_fall_and_revisions_rise_with_every_change(steps: list[str]) -> None:
    state = BreakerState()
    for number, step in enumerate(steps):
        before = state
        match step:
            case "fail":
                state = breaker.record_failure(state, HOOK, f"i{number}", state.epoch)
            case "clear":
                state = breaker.clear(state, HOOK, breaker.needs_clear(state, HOOK, state.epoch), state.epoch)
            case "enable":
                state = breaker.enable(state, number, "ada", "")
            case "disable":
                state = breaker.disable(state, number, "ada", "")
            case "deploy":
                state = breaker.deploy(state, number, "ada", "")
        assert state.epoch >= before.epoch
        assert (state is before) or state.revision == before.revision + 1
        assert len(state.run(HOOK)) <= 5
