"""Reserved concurrency: how many calls of a function run at once, none included."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.emulator.emulators import Emulator, wait_until

HOLDS = """
import pathlib, time
def handle(event, context):
    time.sleep(event)
    if event < 0.02:
        return context.function_version
"""


def throttled(emulator: Emulator, name: str, **more: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        emulator.client.invoke(FunctionName=name, Payload=b"0.01", **more)
    return dict(caught.value.response)


def busy(emulator: Emulator, count: int) -> None:
    wait_until(
        lambda: [worker["state"] for worker in emulator.engine.status()["workers"]].count("busy") == count,
        f"{count} busy workers",
    )


def test_zero_switches_a_function_off(emulator: Emulator) -> None:
    emulator.add("off", HOLDS, reserved_concurrency=0)
    response = throttled(emulator, "off")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["Error"]["Code"] == "TooManyRequestsException"
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert response["Error"]["Message"] == "Rate Exceeded."
    emulator.add("off", HOLDS)
    assert emulator.call("off", 0.01).error is None


def test_only_so_many_run_at_once_over_all_versions(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator()
    spec = emulator.add("two", HOLDS, reserved_concurrency=2)
    emulator.functions.specs["two", "1"] = spec.replace(version="1")
    emulator.add("free", HOLDS)
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(emulator.call, "two", 1.5, **more) for more in ({}, {"Qualifier": "1"})]
        busy(emulator, 2)
        for more in ({}, {"Qualifier": "1"}):
            reason = throttled(emulator, "two", **more)["Reason"]
            assert reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert emulator.call("free", 0.01).error is None
        assert [call.result().error for call in calls] == [None, None]


def test_one_at_a_time_is_never_refused_when_called_one_after_the_other(
    make_emulator: Callable[..., Emulator],
) -> None:
    """By the short way of a warm call and by the long one, after failures and deaths too."""
    emulator = make_emulator()
    dies = "import os\ndef handle(event, context):\n  if event: os._exit(1)\n  return 1"
    emulator.add("one", dies, reserved_concurrency=1)
    for number in range(60):
        event = number % 20 == 19
        if number % 2:
            answer = emulator.client.invoke(FunctionName="one", Payload=json.dumps(event).encode())
        else:
            answer = emulator.client.invoke(FunctionName="one", Payload=json.dumps(event).encode(), LogType="Tail")
        assert ("FunctionError" in answer) == event


def test_what_never_ran_does_not_count(make_emulator: Callable[..., Emulator], tmp_path: Path) -> None:
    emulator = make_emulator()
    emulator.add("never", HOLDS, runtime="python3.99", reserved_concurrency=1)
    for _ in range(3):
        with pytest.raises(ClientError, match="InvalidRuntime"):
            emulator.call("never", 0.01)
