"""The mutants: what is taken out, and who must notice."""

from __future__ import annotations

from dataclasses import dataclass

_RACES = "tests/contract/control_plane/test_races.py::"
_TABLE = "tests/contract/control_plane/test_breaker_table.py::"
_DISPATCH = "tests/contract/control_plane/test_dispatch.py::"
_RECORD = "tests/contract/control_plane/test_record.py::"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One piece taken out of the code.

    Attributes:
        what: In words.
        path: Of the file, from the root.
        old: The text there, which occurs once.
        new: What stands there instead.
        killer: The test that must fail.
    """

    what: str
    path: str
    old: str
    new: str
    killer: str


MUTANTS = (
    Mutant(
        "a trip asks for no state and no epoch",
        "control_plane/table/breakers.py",
        'update.if_equal("state", str(State.ENABLED)).if_equal("epoch", seen.epoch)\n'
        "        update.if_exactly(run_attribute(seen.epoch, evidence.hook), evidence.invocation_ids)",
        "pass",
        _TABLE + "test_one_of_twenty_trips_wins",
    ),
    Mutant(
        "a trip does not ask for the same five",
        "control_plane/table/breakers.py",
        "update.if_exactly(run_attribute(seen.epoch, evidence.hook), evidence.invocation_ids)",
        "pass",
        _TABLE + "test_a_fifth_failure_after_the_success_read_stays",
    ),
    Mutant(
        "a full set trips without a second look",
        "control_plane/operations/plugin_call.py",
        "if now is None or not rules.confirms(seen, now, hook):",
        "if now is None:",
        _RACES + "test_a_success_that_races_the_fifth_failure",
    ),
    Mutant(
        "a failure of an older epoch counts",
        "control_plane/table/breakers.py",
        '.if_equal("epoch", epoch)\n            .if_smaller(run, CONSECUTIVE_FAILURES_MAX)',
        ".if_smaller(run, CONSECUTIVE_FAILURES_MAX)",
        _TABLE + "test_a_failure_that_races_a_deploy_is_not_found_in_the_new_epoch",
    ),
    Mutant(
        "a deploy begins no new epoch",
        "control_plane/rules/breaker.py",
        "        state=State.ENABLED,\n        epoch=state.epoch + 1,",
        "        state=State.ENABLED,\n        epoch=state.epoch,",
        _RACES + "test_an_outcome_that_is_late_counts_for_nothing[deploy]",
    ),
    Mutant(
        "a run has no bound",
        "control_plane/table/breakers.py",
        "            .if_smaller(run, CONSECUTIVE_FAILURES_MAX)\n",
        "",
        _TABLE + "test_a_run_never_has_more_than_five",
    ),
    Mutant(
        "a lease does not ask whether another took it",
        "control_plane/table/breakers.py",
        'update.if_equal("revision", seen.revision)',
        "pass",
        _TABLE + "test_a_lease_between_probes_is_taken_once_too",
    ),
    Mutant(
        "a probe's end does not ask who holds the lease",
        "control_plane/table/breakers.py",
        'update.if_equal("lease_holder", leased.lease.holder)',
        "pass",
        _TABLE + "test_a_lease_is_taken_once_and_an_old_holder_ends_nothing",
    ),
    Mutant(
        "a success clears more than it found",
        "control_plane/table/breakers.py",
        ".take_out(run_attribute(epoch, hook), found)",
        ".remove(run_attribute(epoch, hook))",
        _TABLE + "test_a_fifth_failure_after_the_success_read_stays",
    ),
    Mutant(
        "an admin's change does not ask whether the state still stands",
        "control_plane/table/breakers.py",
        'return update.if_equal("state", str(before.state)).if_equal("epoch", before.epoch)',
        "return update",
        _RACES + "test_a_person_who_switches_off_wins_over_the_breaker",
    ),
    Mutant(
        "a failure that is recorded is recorded again",
        "control_plane/table/errors.py",
        "return Put(item, only_new=True)",
        "return Put(item)",
        _RECORD + "test_the_same_outcome_ten_times_counts_once",
    ),
    Mutant(
        "of two reads the later one to arrive wins",
        "control_plane/operations/routing.py",
        "if state.revision < known.state.revision:",
        "if False:",
        _DISPATCH + "test_an_older_read_never_replaces_a_newer_one",
    ),
)
