"""Functions that raise, hang, die, leak and lie: each call is answered in Lambda's words; the next one works."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services_ai_sdk.emulator.output import KEPT_BYTES_MAX
from tests.contract.emulator.emulators import Emulator, is_alive, wait_until


def test_exception(emulator: Emulator) -> None:
    answer = emulator.run("faults.raises", {"name": "missing"})
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "KeyError"
    assert answer.value["errorMessage"] == "'missing'"
    assert answer.value["requestId"] == answer.request_id
    trace = answer.value["stackTrace"]
    assert len(trace) == 1
    assert 'File "/var/task/faults.py"' in trace[0]
    assert 'raise KeyError(event["name"])' in trace[0]
    assert "[ERROR] KeyError: 'missing'" in answer.log
    assert emulator.run("faults.raises", {"name": "again"}).pid == answer.pid


def test_base_exception_ends_the_process(emulator: Emulator) -> None:
    answer = emulator.run("faults.raises_base")
    assert answer.error == "Unhandled"
    assert answer.kind == "Runtime.ExitError"
    assert answer.value["errorMessage"].endswith("Runtime exited with error: exit status 1")
    assert "not even an Exception" in answer.log


def test_timeout(emulator: Emulator) -> None:
    before = emulator.run("faults.hangs_if_told", {"hang": False}, timeout_s=1)
    assert 0 < before.value <= 1000
    answer = emulator.run("faults.hangs_if_told", {"hang": True})
    assert (answer.error, answer.kind) == ("Unhandled", "Sandbox.Timedout")
    assert answer.value["errorMessage"] == (
        f"RequestId: {answer.request_id} Error: Task timed out after 1.00 seconds"
    )
    assert "Task timed out after 1.00 seconds" in answer.log
    assert "Duration: 1000.00 ms" in answer.log
    after = emulator.run("faults.hangs_if_told", {"hang": False})
    assert after.error is None
    assert after.pid != answer.pid == before.pid
    wait_until(lambda: not is_alive(answer.pid), "the hanging worker is gone")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"how": "exit", "code": 3}, "Runtime exited with error: exit status 3"),
        ({"how": "exit", "code": 0}, "Runtime exited without providing a reason"),
        ({"how": "sys.exit", "code": 2}, "Runtime exited with error: exit status 2"),
        ({"how": "kill", "signal": 9}, "Runtime exited with error: signal: killed"),
        ({"how": "kill", "signal": 15}, "Runtime exited with error: signal: terminated"),
        ({"how": "segfault"}, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_process_that_ends(emulator: Emulator, event: dict[str, Any], words: str) -> None:
    answer = emulator.run("faults.dies_if_told", event)
    assert (answer.error, answer.kind) == ("Unhandled", "Runtime.ExitError")
    assert answer.value["errorMessage"] == f"RequestId: {answer.request_id} Error: {words}"
    assert words in answer.log
    after = emulator.run("faults.dies_if_told", {"how": ""})
    assert after.error is None
    assert after.pid != answer.pid


def test_endless_recursion(emulator: Emulator) -> None:
    answer = emulator.run("faults.recurses")
    assert (answer.error, answer.kind) == ("Unhandled", "RecursionError")


def test_value_that_is_no_json(emulator: Emulator) -> None:
    answer = emulator.run("faults.returns_object")
    assert (answer.error, answer.kind) == ("Unhandled", "Runtime.MarshalError")


def test_response_of_six_megabytes_fits_and_more_does_not(emulator: Emulator) -> None:
    small = emulator.run("faults.returns_size", {"size": 6_291_556 - 2}, memory_mb=256)
    assert small.error is None
    assert len(small.payload) == 6_291_556
    large = emulator.run("faults.returns_size", {"size": 7_000_000})
    assert (large.error, large.kind) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert large.value["errorMessage"] == (
        "Response payload size (7000002 bytes) exceeded maximum allowed payload size (6291556 bytes)."
    )
    assert emulator.run("faults.returns_size", {"size": 1}).pid == large.pid


def test_too_much_memory(emulator: Emulator) -> None:
    answer = emulator.run("faults.hogs", memory_mb=128)
    assert (answer.error, answer.kind) == ("Unhandled", "Runtime.OutOfMemory")
    assert answer.value["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_flood_of_output_is_answered_and_bounded(emulator: Emulator) -> None:
    answer = emulator.run("faults.floods", {"lines": 200_000}, timeout_s=30)
    assert answer.value == "done"
    lines = emulator.log.of("faults-floods")
    assert sum(len(line) for line in lines) < KEPT_BYTES_MAX + 2000
    dropped = [line for line in lines if "more bytes of output were not kept" in line]
    assert len(dropped) == 1
    assert int(dropped[0][1:].split()[0]) == 200_000 * 100 - KEPT_BYTES_MAX
    assert lines[-1].startswith("REPORT")


def test_output_in_single_bytes(emulator: Emulator) -> None:
    answer = emulator.run("faults.prints_single_bytes", {"count": 200_000}, timeout_s=60)
    assert answer.value == "done"
    line = next(line for line in emulator.log.of("faults-prints_single_bytes") if line.startswith("."))
    assert line == "." * (64 * 1024)


def test_garbage_bytes_in_the_output(emulator: Emulator) -> None:
    assert emulator.run("faults.prints_bytes").error is None
    lines = emulator.log.of("faults-prints_bytes")
    assert lines[1:3] == ["\ufffd\ufffd\\x00 garbage \ufffd", "\ufffdafter"]


@pytest.mark.parametrize(
    ("code", "handler", "kind", "words"),
    [
        ("import nothing_here", "main.handle", "Runtime.ImportModuleError", "No module named 'nothing_here'"),
        ("def (:", "main.handle", "Runtime.UserCodeSyntaxError", "Syntax error in module 'main'"),
        ("", "main.handle", "Runtime.HandlerNotFound", "Handler 'handle' missing on module 'main'"),
        ("", "absent.handle", "Runtime.ImportModuleError", "No module named 'absent'"),
        ("", "nodots", "Runtime.MalformedHandlerName", "Bad handler 'nodots'"),
        ("1 / 0", "main.handle", "ZeroDivisionError", "division by zero"),
    ],
)
def test_function_that_cannot_be_imported(
    emulator: Emulator, code: str, handler: str, kind: str, words: str
) -> None:
    name = f"import-{kind.replace('.', '-')}-{handler.replace('.', '-')}"
    emulator.add(name, code, handler=handler)
    for _ in range(2):
        answer = emulator.call(name)
        assert (answer.error, answer.kind) == ("Unhandled", kind)
        assert words in answer.value["errorMessage"]
        assert "START RequestId" in answer.log
    assert [worker for worker in emulator.engine.status()["workers"] if worker["function"] == name] == []


@pytest.mark.parametrize("code", [0, 5])
def test_init_that_exits(emulator: Emulator, code: int) -> None:
    emulator.add(f"init-exits-{code}", f"print('init ran')\nimport os\nos._exit({code})")
    answer = emulator.call(f"init-exits-{code}")
    assert (answer.error, answer.kind) == ("Unhandled", "Runtime.ExitError")
    expected = "exit status 5" if code else "without providing a reason"
    assert answer.value["errorMessage"].endswith(expected)


def test_init_that_dies_once_is_tried_again(emulator: Emulator) -> None:
    code = (
        "import http.client, json, os\n"
        "aws = http.client.HTTPConnection(os.environ['AWS_ENDPOINT_URL'].removeprefix('http://'))\n"
        "key = os.environ['AWS_ACCESS_KEY_ID']\n"
        "signed = f'AWS4-HMAC-SHA256 Credential={key}/x, SignedHeaders=host, Signature=0'\n"
        "aws.request('POST', '/init', headers={'Authorization': signed})\n"
        "attempt = int(aws.getresponse().getheader('attempt'))\n"
        "if attempt == 1: os._exit(1)\n"
        "def handle(event, context): return attempt\n"
    )
    attempts = iter(range(1, 10))
    emulator.aws.answer = lambda head, body: (
        b"HTTP/1.1 200 OK\r\nattempt: %d\r\nContent-Length: 0\r\n\r\n" % (next(attempts))
    )
    emulator.add("init-dies-once", code)
    answer = emulator.call("init-dies-once")
    assert (answer.error, answer.value) == (None, 2)


def test_init_that_hangs_is_tried_again_on_the_calls_own_time(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(init_max_s=0.6)
    emulator.add("init-hangs", "print('before')\nimport time\nwhile True: time.sleep(1)", timeout_s=1)
    before_s = time.monotonic()
    answer = emulator.call("init-hangs")
    assert 1.6 <= time.monotonic() - before_s < 3
    assert (answer.error, answer.kind) == ("Unhandled", "Sandbox.Timedout")
    assert answer.value["errorMessage"].endswith("Task timed out after 1.00 seconds")
    lines = [line.split("\t")[0] if "REPORT" in line else line for line in answer.log.splitlines()]
    first, second, *report = (lines[place] for place in (1, 4, 5, 6, 7))
    assert 600 <= float(first.removeprefix("INIT_REPORT Init Duration: ").removesuffix(" ms")) < 900
    assert 1000 <= float(second.removeprefix("INIT_REPORT Init Duration: ").removesuffix(" ms")) < 1300
    assert [lines[0], lines[3]] == ["before", "before"]
    assert lines[2] == f"START RequestId: {answer.request_id} Version: $LATEST"
    assert report[0].endswith("Task timed out after 1.00 seconds")
    assert report[1] == f"END RequestId: {answer.request_id}"
    assert report[2].startswith(f"REPORT RequestId: {answer.request_id}")
    assert emulator.log.of("init-hangs") == answer.log.splitlines()
    assert len(emulator.log.streams["init-hangs"]) == 1
    assert emulator.engine.status()["workers"] == []


def test_slow_second_try_leaves_the_handler_the_rest_of_the_time(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(init_max_s=0.4)
    code = (
        "import time\ntime.sleep(1)\n"
        "def handle(event, context):\n"
        "    time.sleep(event or 0)\n"
        "    return context.get_remaining_time_in_millis()\n"
    )
    emulator.add("init-slow", code, timeout_s=2)
    answer = emulator.call("init-slow")
    assert answer.error is None
    assert 0 < answer.value < 1000
    assert "Init Duration" not in answer.log.splitlines()[-1]
    assert emulator.call("init-slow").value > 1900
    emulator.add("init-slow", code, timeout_s=2, revision="2")
    answer = emulator.call("init-slow", 1.5)
    assert answer.value["errorMessage"].endswith("Task timed out after 2.00 seconds")


def test_failed_init_has_a_report_in_its_workers_stream(emulator: Emulator) -> None:
    emulator.add("init-raises", "print('before')\n1 / 0")
    answer = emulator.call("init-raises")
    lines = answer.log.splitlines()
    assert lines[0] == "before"
    assert any(line.startswith("INIT_REPORT") and "Error Type: ZeroDivisionError" in line for line in lines)
    assert lines[-1].startswith(f"REPORT RequestId: {answer.request_id}\tDuration: ")
    assert int(lines[-1].partition("Max Memory Used: ")[2].split()[0]) > 0
    (stream,) = emulator.log.streams["init-raises"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)


def test_what_init_prints_is_in_the_first_log(emulator: Emulator) -> None:
    emulator.add("init-prints", "print('from init')\ndef handle(event, context): print('from handler')")
    lines = emulator.call("init-prints").log.splitlines()
    assert lines[0] == "from init"
    assert lines[1].startswith("START")
    assert lines[2] == "from handler"
    assert "from init" not in emulator.call("init-prints").log


def test_forged_runtime_api_requests_are_refused(emulator: Emulator) -> None:
    old = emulator.run("faults.echo").request_id
    answer = emulator.run("faults.forges", {"id": old})
    assert answer.error is None
    assert answer.value == [403, 403, 403, 403, 403, 404]


def test_response_by_hand_wins_once_and_the_next_call_has_its_own(emulator: Emulator) -> None:
    """A function may lie about its own call. What it says must never become the answer of the next one."""
    first = emulator.run("faults.answers_twice")
    assert first.value == "by hand"
    for _ in range(3):
        # Its worker dies of it; the next event, though meant for that worker, then goes to another.
        assert emulator.run("faults.answers_twice").value == "by hand"


def test_response_that_is_no_json_is_handed_on(emulator: Emulator) -> None:
    """As on Lambda, which does not read what a runtime sends."""
    answer = emulator.run("faults.answers_garbage")
    assert (answer.error, answer.payload) == (None, b"{not json")


def test_worker_that_dies_between_calls_is_not_shown(emulator: Emulator) -> None:
    for _ in range(10):
        answer = emulator.run("faults.dies_after_answer")
        assert answer.value == "answered"
        wait_until(lambda pid=answer.pid: not is_alive(pid), "the worker has died")


def test_worker_whose_death_the_engine_has_not_noticed_is_not_shown(emulator: Emulator) -> None:
    """The loop is kept busy until the worker is gone, so that nothing could tell it."""
    emulator.add("killed", handler="faults.echo")

    async def kill_and_call() -> tuple[Any, Any]:
        before = await emulator.engine.invoke("killed", None, b"{}")
        os.kill(before.worker_pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(before.worker_pid), "the worker has died")
        return before, await emulator.engine.invoke("killed", None, b"{}")

    for _ in range(5):
        before, after = emulator.do(kill_and_call())
        assert (before.function_error, after.function_error) == (None, None)
        assert before.worker_pid != after.worker_pid


_ASKS = (
    "import os, socket, time\n"
    "host, _, port = os.environ['AWS_LAMBDA_RUNTIME_API'].partition(':')\n"
    "asking = socket.create_connection((host, int(port)))\n"
    "time.sleep(0.3)\n"
    "asking.sendall(b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\n"
)


_ANSWERS = (
    "import re\n"
    "asked = b''\n"
    "while not asked.endswith(b'null'): asked += asking.recv(65536)\n"
    "event = re.search(rb'(?i)aws-request-id: (\\S+)', asked)[1].decode()\n"
    "answer = f'POST /2018-06-01/runtime/invocation/{event}/response HTTP/1.1\\r\\nHost: x\\r\\n'\n"
    "asking.sendall(f'{answer}Content-Length: 5\\r\\n\\r\\n\"raw\"'.encode())\n"
)


async def call_while_busy(emulator: Emulator, name: str) -> Any:
    """An Invoke while the loop has other things to do, so that it hears of what happens in batches."""
    running = asyncio.ensure_future(emulator.engine.invoke(name, None, b"{}", log_tail=True))
    while not running.done():
        await asyncio.sleep(0)
        time.sleep(0.1)
    return await running


def test_worker_that_dies_right_after_it_asked_for_its_first_event(emulator: Emulator) -> None:
    """The engine hears of both at once: as while its loop is busy with something else."""
    emulator.add("asks-and-dies", f"print('init ran')\n{_ASKS}os._exit(7)")

    for _ in range(2):
        answer = emulator.do(call_while_busy(emulator, "asks-and-dies"))
        assert answer.function_error == "Unhandled"
        assert json.loads(answer.payload)["errorType"] == "Runtime.ExitError"
        assert b"exit status 7" in answer.payload
    assert "asks-and-dies" not in emulator.engine.status()["warm_functions"]


def test_worker_that_answered_and_never_asks_again_is_replaced(emulator: Emulator) -> None:
    emulator.add("never-asks", handler="faults.answers_and_hangs", timeout_s=20)
    first = emulator.call("never-asks")
    before_s = time.monotonic()
    second = emulator.call("never-asks")
    assert time.monotonic() - before_s < 4
    assert (first.value, second.value) == ("by hand", "by hand")
    assert first.pid != second.pid
    assert second.log.count("START") == 1
    wait_until(lambda: not is_alive(first.pid), "the first worker has ended")
    time.sleep(1.1)
    before_s = time.monotonic()
    assert emulator.call("never-asks").value == "by hand"
    assert time.monotonic() - before_s < 0.9, "nobody waits for a worker that is known not to ask"


def test_worker_that_hung_up_after_asking_is_replaced(emulator: Emulator) -> None:
    emulator.add("hangs-up", f"{_ASKS}{_ANSWERS}{_ASKS}asking.close()\ntime.sleep(600)", timeout_s=20)
    before_s = time.monotonic()
    answers = [emulator.call("hangs-up") for _ in range(2) if not time.sleep(0.5)]
    assert time.monotonic() - before_s < 8
    assert [answer.value for answer in answers] == ["raw", "raw"]
    assert answers[0].pid != answers[1].pid
    assert answers[1].log.count("START") == 1


def test_calls_that_wait_are_not_lost_to_workers_that_never_ask(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator(workers_max=3)
    emulator.add("never-ask", handler="faults.answers_and_hangs", timeout_s=20)
    with ThreadPoolExecutor(9) as threads:
        answers = list(threads.map(emulator.call, ["never-ask"] * 9))
    assert [answer.value for answer in answers] == ["by hand"] * 9
