"""Runs actors one call at a time, in an order that a test chooses: a race becomes a schedule that can be repeated.

Each actor has a thread, and only one of them runs at any time. An actor gives way before each call that our table
module makes (so between its read and its write), before each sleep, and inside each Invoke.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Any

Choose = Callable[[int], int]
"""Takes how many actors wait, and says which one goes on."""


class Killed(BaseException):
    """The process of an actor ends here: nothing of ours can catch it."""


class Interleaving:
    """One run of some actors.

    Args:
        choose: Who goes on.
        dies_after: By number of an actor: after how many calls of the database its process ends.
    """

    def __init__(self, choose: Choose, dies_after: dict[int, int] | None = None) -> None:
        self._choose = choose
        self._dies_after = dies_after or {}
        self._changed = threading.Condition()
        self._waiting: list[int] = []
        self._goes: int | None = None
        self._alive = 0
        self._own = threading.local()
        self.died: list[int] = []
        self.calls: list[tuple[int, str]] = []

    def run(self, *actors: Callable[[], object]) -> None:
        """Until every actor has ended. What one of them raises is raised here."""
        raised: list[BaseException] = []
        threads = [threading.Thread(target=self._life, args=(at, each, raised)) for at, each in enumerate(actors)]
        self._alive = len(threads)
        for thread in threads:
            thread.start()
        with self._changed:
            while True:
                assert self._changed.wait_for(lambda: len(self._waiting) == self._alive, 30), "an actor hangs"
                if not self._alive:
                    break
                self._waiting.sort()
                self._goes = self._waiting.pop(self._choose(len(self._waiting)))
                self._changed.notify_all()
                assert self._changed.wait_for(lambda: self._goes is None, 30), "an actor hangs"
        for thread in threads:
            thread.join(30)
        if raised:
            raise raised[0]

    def give_way(self) -> None:
        """Lets the others go first, or not. Does nothing for a thread that is no actor."""
        me = getattr(self._own, "number", None)
        if me is None:
            return
        with self._changed:
            self._park(me)

    def call(self, name: str) -> None:
        """`give_way` before a call of the database; the end of an actor that dies here."""
        me = getattr(self._own, "number", None)
        if me is None:
            return
        if self._own.calls == self._dies_after.get(me):
            self.died.append(me)
            raise Killed
        self.give_way()
        self._own.calls += 1
        self.calls.append((me, name))

    def _life(self, number: int, actor: Callable[[], object], raised: list[BaseException]) -> None:
        self._own.number, self._own.calls = number, 0
        try:
            actor()
        except Killed:
            pass  # which is what its test asked for
        except BaseException as error:  # noqa: BLE001 - raised again by `run`
            raised.append(error)
        with self._changed:
            self._alive -= 1
            self._running_no_more()

    def _park(self, me: int) -> None:
        """With the lock: waits for this actor's turn."""
        self._waiting.append(me)
        self._running_no_more()
        assert self._changed.wait_for(lambda: self._goes == me, 60), "nobody gives this actor a turn"
        # Only now may the scheduler look again: until then this actor is the one that runs.
        self._goes = -1

    def _running_no_more(self) -> None:
        if self._goes == -1:
            self._goes = None
        self._changed.notify_all()


class Stepping:
    """A DynamoDB client whose every call is a step of an interleaving.

    Args:
        client: The real one.
        steps: Whose.
    """

    def __init__(self, client: Any, steps: Interleaving) -> None:
        self._client = client
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def stepped(**arguments: Any) -> Any:
            self._steps.call(name)
            return call(**arguments)

        return stepped


class InPlace(Executor):
    """Runs what is submitted at once, on the thread of the actor."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as an executor does; `Killed` goes through
            done.set_exception(error)
        return done


def every_schedule(most: int) -> Iterator[Choose]:
    """Chooses in every possible way, one way a run; fails where there are more than `most`."""
    prefix: list[int] = []
    for _ in range(most):
        options: list[int] = []

        def choose(count: int, prefix: list[int] = prefix, options: list[int] = options) -> int:
            options.append(count)
            return prefix[len(options) - 1] if len(options) <= len(prefix) else 0

        yield choose
        taken = [*prefix, *[0] * (len(options) - len(prefix))]
        while taken and taken[-1] + 1 >= options[len(taken) - 1]:
            taken.pop()
        if not taken:
            return
        taken[-1] += 1
        prefix = taken
    raise AssertionError(f"there are more than {most} schedules")


def some_schedules(seeds: Sequence[int]) -> Iterator[Choose]:
    """One random way a seed."""
    for seed in seeds:
        yield random.Random(seed).randrange
