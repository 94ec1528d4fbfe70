"""How many workers there are, who gets which, and when they end."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services_ai_sdk.emulator import pool as pool_module
from services_ai_sdk.emulator.engine import WORKERS_TOTAL_MAX
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.pool import WORKERS_MAX
from services_ai_sdk.emulator.spec import Artifact
from tests.contract.emulator.emulators import Answer, Emulator, is_alive, wait_until


def at_once(emulator: Emulator, calls: list[tuple[str, Any]]) -> list[Answer]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(lambda call: emulator.call(*call), calls))


def states(emulator: Emulator, name: str) -> list[str]:
    return [worker["state"] for worker in emulator.engine.status()["workers"] if worker["function"] == name]


def test_concurrent_calls_have_workers_of_their_own_and_the_rest_waits(emulator: Emulator) -> None:
    emulator.add("crowd", handler="workers.sleeps", timeout_s=30)
    answers = at_once(emulator, [("crowd", {"seconds": 0.3})] * (WORKERS_MAX + 4))
    assert [answer.error for answer in answers] == [None] * (WORKERS_MAX + 4)
    assert len({answer.pid for answer in answers}) == WORKERS_MAX
    assert states(emulator, "crowd") == ["idle"] * WORKERS_MAX


def test_one_caller_needs_one_worker(emulator: Emulator) -> None:
    emulator.add("lonely", handler="workers.sleeps")
    assert len({emulator.call("lonely").pid for _ in range(5)}) == 1
    assert states(emulator, "lonely") == ["idle"]


def test_too_many_waiting_calls_are_refused(
    make_emulator: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = make_emulator()
    emulator.add("queue", handler="workers.sleeps", timeout_s=30)
    monkeypatch.setattr(pool_module, "WORKERS_MAX", 1)
    monkeypatch.setattr(pool_module, "WAITING_MAX", 3)

    async def calls() -> list[Any]:
        await emulator.engine.invoke("queue", None, b"{}")
        body = json.dumps({"seconds": 0.2}).encode()
        made = [emulator.engine.invoke("queue", None, body) for _ in range(6)]
        return await asyncio.gather(*made, return_exceptions=True)

    results = emulator.do(calls())
    refused = [result for result in results if isinstance(result, InvokeRefused)]
    assert len(refused) == 2
    assert [result.function_error for result in results if result not in refused] == [None] * 4
    assert (refused[0].status, refused[0].error_type) == (429, "TooManyRequestsException")
    assert refused[0].reason == "ConcurrentInvocationLimitExceeded"


def test_function_gets_a_worker_though_others_hold_every_place(make_emulator: Callable[..., Emulator]) -> None:
    """Idle workers of others give way; so do busy ones as soon as they are idle."""
    emulator = make_emulator()
    names = [f"greedy-{number}" for number in range(4)]
    for name in [*names, "late"]:
        emulator.add(name, handler="workers.sleeps", timeout_s=30)
    greedy = [(name, {"seconds": 1.5}) for name in names for _ in range(WORKERS_TOTAL_MAX // 4)]
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(at_once, emulator, greedy)
        wait_until(
            lambda: (
                [worker["state"] for worker in emulator.engine.status()["workers"]].count("busy")
                == WORKERS_TOTAL_MAX
            ),
            "every place is taken",
        )
        late = emulator.call("late")
        assert late.error is None
        assert [answer.error for answer in running.result()] == [None] * WORKERS_TOTAL_MAX
    assert len(emulator.engine.status()["workers"]) <= WORKERS_TOTAL_MAX


def test_new_revision_retires_the_old_workers(emulator: Emulator) -> None:
    emulator.add("changing", "def handle(event, context): return 'old'")
    old = emulator.call("changing")
    emulator.add("changing", "def handle(event, context): return 'new'", revision="2")
    new = emulator.call("changing")
    assert (old.value, new.value) == ("old", "new")
    assert old.pid != new.pid
    wait_until(lambda: not is_alive(old.pid), "the old worker has ended")
    assert states(emulator, "changing") == ["idle"]


def test_calls_of_an_old_revision_finish(emulator: Emulator) -> None:
    emulator.add("replaced", handler="workers.sleeps", timeout_s=20)
    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(emulator.call, "replaced", {"seconds": 0.8})
        wait_until(lambda: states(emulator, "replaced") == ["busy"], "it runs")
        emulator.add("replaced", "def handle(event, context): return 'new'", revision="2")
        assert emulator.call("replaced").value == "new"
        old = slow.result()
    assert old.error is None
    wait_until(lambda: not is_alive(old.pid), "the old worker has ended")


def test_two_versions_live_beside_each_other(emulator: Emulator) -> None:
    first = emulator.add("twice", "def handle(event, context): return 1", version="1")
    emulator.functions.specs["twice", "1"] = first
    second = emulator.add("twice", "def handle(event, context): return 2", version="2", revision="2")
    emulator.functions.specs["twice", "2"] = second
    answers = [emulator.call("twice", Qualifier=version) for version in "1212"]
    assert [answer.value for answer in answers] == [1, 2, 1, 2]
    assert len({answer.pid for answer in answers}) == 2


def test_source_is_asked_once_until_something_changes(emulator: Emulator) -> None:
    emulator.add("known", handler="workers.sleeps")
    for _ in range(3):
        emulator.call("known")
    assert emulator.functions.asked.count(("known", None)) == 1
    emulator.loop.call_soon_threadsafe(emulator.engine.invalidate)
    emulator.call("known")
    assert emulator.functions.asked.count(("known", None)) == 2


def test_what_is_not_there_is_asked_for_each_time(emulator: Emulator) -> None:
    for _ in range(2):
        with pytest.raises(InvokeRefused):
            emulator.do(emulator.engine.invoke("not-yet", None, b"{}"))
    emulator.add("not-yet", handler="workers.sleeps")
    assert emulator.call("not-yet").error is None


def test_caller_that_hangs_up_does_not_disturb_the_next(emulator: Emulator) -> None:
    emulator.add("hung-up", handler="workers.sleeps")
    emulator.call("hung-up")
    body = b'{"seconds": 0.3}'
    with socket.create_connection(("127.0.0.1", emulator.port)) as caller:
        caller.sendall(
            b"POST /2015-03-31/functions/hung-up/invocations HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        wait_until(lambda: "busy" in states(emulator, "hung-up"), "it runs")
    assert emulator.call("hung-up").error is None
    wait_until(lambda: set(states(emulator, "hung-up")) == {"idle"}, "the first call is over")


def test_a_worker_is_replaced_after_its_last_call(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(worker_calls_max=3)
    emulator.add(
        "worn", "import os\ncalls = []\ndef handle(event, context):\n    calls.append(1)\n    return len(calls)"
    )
    assert [emulator.call("worn").value for _ in range(7)] == [1, 2, 3, 1, 2, 3, 1]


def test_function_gets_a_worker_though_callers_of_others_never_pause(
    make_emulator: Callable[..., Emulator],
) -> None:
    emulator = make_emulator(workers_max=4)
    for name in ("busy-1", "busy-2", "starved"):
        emulator.add(name, handler="workers.sleeps", timeout_s=30)
    over = threading.Event()

    def calls_without_pause(name: str) -> list[str | None]:
        errors = []
        while not over.is_set():
            errors.append(emulator.call(name, {"seconds": 0.02}).error)
        return errors

    with ThreadPoolExecutor(12) as threads:
        running = [threads.submit(calls_without_pause, name) for name in ("busy-1", "busy-2") * 6]
        try:
            wait_until(lambda: len(emulator.engine.status()["workers"]) == 4, "every place is taken")
            for _ in range(3):
                assert answer_within(emulator, "starved", 5).function_error is None
        finally:
            over.set()
        errors = [error for one in running for error in one.result()]
    assert len(errors) > 12
    assert set(errors) == {None}


def test_more_functions_than_places_all_get_their_turn(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(workers_max=2)
    names = [f"one-of-five-{number}" for number in range(5)]
    for name in names:
        emulator.add(name, handler="workers.sleeps", timeout_s=30)
    answers = at_once(emulator, [(name, {"seconds": 0.05}) for name in names * 6])
    assert {answer.error for answer in answers} == {None}
    assert len(emulator.engine.status()["workers"]) <= 2


def test_failed_start_leaves_its_place_to_another_function(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(workers_max=1)
    broken = emulator.add("broken-zip", handler="workers.sleeps")
    broken.code.path.write_bytes(b"no zip at all")
    emulator.functions.specs["broken-zip", None] = broken.replace(
        code=Artifact(f"{secrets.token_hex(32)}", broken.code.path)
    )
    emulator.add("waits", "def handle(event, context): return 'ran'")

    async def both() -> list[Any]:
        calls = [emulator.engine.invoke(name, None, b"{}") for name in ("broken-zip", "waits")]
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)

    refused, ran = emulator.do(both())
    assert isinstance(refused, InvokeRefused)
    assert ran.payload == b'"ran"'


def test_waiting_call_of_an_old_revision_keeps_its_turn(make_emulator: Callable[..., Emulator]) -> None:
    """Its last worker ends, it is woken, and finds every place taken once more."""
    emulator = make_emulator(workers_max=1)
    emulator.add("old", handler="workers.sleeps", timeout_s=30)
    emulator.add("other", handler="workers.sleeps", timeout_s=30)

    async def calls() -> list[Any]:
        body = b'{"seconds": 0.3}'
        running = [asyncio.ensure_future(emulator.engine.invoke("old", None, body)) for _ in range(3)]
        await asyncio.sleep(0.2)
        emulator.functions.specs["old", None] = emulator.functions.specs["old", None].replace(revision="2")
        emulator.engine.invalidate()
        running += [asyncio.ensure_future(emulator.engine.invoke(name, None, body)) for name in ("old", "other")]
        return await asyncio.wait_for(asyncio.gather(*running), 20)

    assert {answer.function_error for answer in emulator.do(calls())} == {None}


def answer_within(emulator: Emulator, name: str, within_s: float) -> Any:
    return emulator.do(asyncio.wait_for(emulator.engine.invoke(name, None, b"{}"), within_s))


def request_of(name: str, event: Any) -> bytes:
    body = json.dumps(event).encode()
    return b"POST /2015-03-31/functions/%s/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (
        name.encode(),
        len(body),
        body,
    )


def test_waiting_call_is_dropped_when_its_caller_hangs_up(
    make_emulator: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = make_emulator()
    monkeypatch.setattr(pool_module, "WORKERS_MAX", 1)
    emulator.add("impatient", handler="workers.sleeps", timeout_s=30)
    emulator.call("impatient")
    (pool,) = emulator.engine._pools.values()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(emulator.call, "impatient", {"seconds": 1.5})
        wait_until(lambda: states(emulator, "impatient") == ["busy"], "it runs")
        callers = [socket.create_connection(("127.0.0.1", emulator.port)) for _ in range(3)]
        for caller in callers:
            caller.sendall(request_of("impatient", {"seconds": 5}))
        wait_until(lambda: pool.looking == 3, "they wait")
        callers[0].close()
        # What a caller that only sends no more is told, too: it waits for no worker.
        callers[1].shutdown(socket.SHUT_WR)
        callers[2].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        callers[2].close()
        assert callers[1].recv(65536).startswith(b"HTTP/1.1 429 ")
        wait_until(lambda: pool.looking == 0, "none of them waits any more", within_s=1)
        assert running.result().error is None
    assert emulator.call("impatient").error is None
    assert sum(line.startswith("START") for line in emulator.log.of("impatient")) == 3


def test_call_that_has_begun_runs_on_without_its_caller(emulator: Emulator) -> None:
    emulator.add("runs-on", handler="workers.sleeps")
    emulator.call("runs-on")
    with socket.create_connection(("127.0.0.1", emulator.port)) as caller:
        caller.sendall(request_of("runs-on", {"seconds": 0.3}))
        wait_until(lambda: states(emulator, "runs-on") == ["busy"], "it runs")
    wait_until(lambda: sum(line.startswith("REPORT") for line in emulator.log.of("runs-on")) == 2, "it has run")


def test_call_waits_only_so_long_for_a_worker(
    make_emulator: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = make_emulator()
    monkeypatch.setattr(pool_module, "WORKERS_MAX", 1)
    monkeypatch.setattr(pool_module, "WAITING_MAX_S", 0.3)
    emulator.add("full", handler="workers.sleeps", timeout_s=30)

    async def calls() -> list[Any]:
        body = json.dumps({"seconds": 1}).encode()
        made = [emulator.engine.invoke("full", None, body) for _ in range(3)]
        return await asyncio.gather(*made, return_exceptions=True)

    before_s = time.monotonic()
    ran, *refused = emulator.do(calls())
    assert time.monotonic() - before_s < 2
    assert ran.function_error is None
    assert [(each.status, each.error_type) for each in refused] == [(429, "TooManyRequestsException")] * 2


def test_start_does_not_wait_for_the_loops_threads(emulator: Emulator) -> None:
    """Which unzip, compile, or ask moto for others."""
    emulator.add("starts", handler="workers.sleeps")
    emulator.call("starts")

    async def start_beside_others() -> float:
        others = [asyncio.get_running_loop().run_in_executor(None, time.sleep, 2) for _ in range(40)]
        emulator.functions.specs["starts", None] = emulator.functions.specs["starts", None].replace(revision="2")
        emulator.engine.invalidate()
        before_s = time.monotonic()
        answer = await emulator.engine.invoke("starts", None, b"{}")
        assert answer.function_error is None
        for other in others:
            other.cancel()
        return time.monotonic() - before_s

    assert emulator.do(start_beside_others()) < 1.5
