"""Aliases that go to two versions, by a source of chance that the test holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.contract.emulator.emulators import ARN, Emulator

SAYS = "def handle(event, context): return [context.function_version, context.invoked_function_arn]"


def routed(emulator: Emulator, *routes: tuple[str, float]) -> None:
    spec = emulator.add("routed", SAYS).replace(version="1")
    emulator.functions.specs["routed", "live"] = spec.replace(routes=routes)
    for version, _ in routes:
        emulator.functions.specs[spec.function_arn, version] = spec.replace(version=version)


def test_each_call_of_an_alias_draws_its_version(make_emulator: Callable[..., Emulator]) -> None:
    drawn = [0.0, 0.24, 0.25, 0.99, 0.1]
    emulator = make_emulator(draw=lambda: drawn.pop(0))
    routed(emulator, ("2", 0.25))
    answers = [emulator.call("routed", Qualifier="live") for _ in range(5)]
    assert [answer.version for answer in answers] == ["2", "2", "1", "1", "2"]
    assert [answer.value for answer in answers] == [[answer.version, f"{ARN}routed:live"] for answer in answers]
    assert emulator.call("routed").version == "$LATEST"
    assert drawn == []


def test_shares_hold_by_the_short_way_too(make_emulator: Callable[..., Emulator]) -> None:
    numbers = iter([number / 40 for number in range(40)])
    emulator = make_emulator(draw=lambda: next(numbers))
    routed(emulator, ("2", 0.1))
    versions = [
        emulator.client.invoke(FunctionName="routed", Qualifier="live")["ExecutedVersion"] for _ in range(40)
    ]
    assert Counter(versions) == {"1": 36, "2": 4}


def test_a_call_that_drew_the_main_version_does_not_decide_for_the_next(
    make_emulator: Callable[..., Emulator],
) -> None:
    """Without a wish for the log, and so by the short way wherever that is open."""
    drawn = [0.9, 0.9, 0.1, 0.9, 0.1]
    emulator = make_emulator(draw=lambda: drawn.pop(0))
    routed(emulator, ("2", 0.25))
    versions = [
        emulator.client.invoke(FunctionName="routed", Qualifier="live")["ExecutedVersion"] for _ in range(5)
    ]
    assert versions == ["1", "1", "2", "1", "2"]
    assert drawn == []


def test_no_share_and_the_whole(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(draw=lambda: 0.0)
    routed(emulator, ("2", 0.0))
    assert emulator.call("routed", Qualifier="live").version == "1"
    routed(emulator, ("2", 1.0))
    assert emulator.call("routed", Qualifier="live").version == "2"
