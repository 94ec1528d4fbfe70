"""Every attempt twice: with all protections, and without those that are said to stop it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.isolation.attempts.attempt import Attempt
from tests.isolation.in_the_cloud import InTheCloud
from tests.isolation.inside import Inside, Outcome
from tests.isolation.machine import machine

NOT_IN_THIS_KERNEL = ("ENOSYS", "EAFNOSUPPORT", "not on this processor")
"""What an attempt meets, without the filter, where the kernel or processor lacks what it would use."""


class BothWays(NamedTuple):
    """An attempt's two columns.

    Attributes:
        without: With its layers off.
        with_all: As functions run.
    """

    attempt: Attempt
    without: Outcome
    with_all: Outcome


class Engines:
    """One engine at a time, by what it lacks: attempts that lack the same follow each other.

    Args:
        given: What the machine has.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._stack = ExitStack()
        self._current: tuple[tuple[tuple[str, ...], bool], Inside | InTheCloud] | None = None

    def run(self, attempt: Attempt, without: tuple[str, ...]) -> Outcome:
        """One attempt, in an engine or a cloud that lacks these."""
        key = without, "iam" in attempt.layers
        if self._current is None or self._current[0] != key:
            self.close()
            self._current = key, self._make(*key)
        try:
            return self._current[1].run(attempt)
        except Exception:
            # What broke in one attempt is not to break those after it.
            self.close()
            raise

    def _make(self, without: tuple[str, ...], in_the_cloud: bool) -> Inside | InTheCloud:
        made: Inside | InTheCloud
        if in_the_cloud:
            made = InTheCloud(iam="iam" not in without)
        else:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory())
            made = Inside(Path(folder), without, self._given)
        self._stack.callback(made.close)
        return made

    def close(self) -> None:
        """Ends the one that runs."""
        self._current = None
        self._stack.close()


@contextmanager
def engines() -> Iterator[Engines]:
    """On a machine that has something to lose."""
    with machine() as given:
        made = Engines(given)
        try:
            yield made
        finally:
            made.close()


def both_ways(attempts: Sequence[Attempt]) -> Iterator[BothWays]:
    """Both columns of all of them."""
    with engines() as made:
        with_all = {attempt.name: made.run(attempt, ()) for attempt in attempts}
        for attempt in sorted(attempts, key=lambda each: each.layers):
            yield BothWays(attempt, made.run(attempt, attempt.layers), with_all[attempt.name])
