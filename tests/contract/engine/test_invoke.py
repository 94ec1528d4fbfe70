"""Invoke as boto3 sees it: values, errors in Lambda's own words, limits; the call after a failure works."""

from __future__ import annotations

import base64
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

HOSTILE = """
import ctypes, os, signal, sys, time
def recurse(n): return recurse(n + 1)
def handle(event, context):
    kind = event["kind"]
    if kind == "value": return {"got": event, "id": context.aws_request_id}
    if kind == "raise": raise KeyError("WS")
    if kind == "exit 3": os._exit(3)
    if kind == "exit 0": os._exit(0)
    if kind == "sys.exit": sys.exit(4)
    if kind == "segfault": ctypes.string_at(0)
    if kind == "kill": os.kill(os.getpid(), signal.SIGKILL)
    if kind == "recurse": return recurse(0)
    if kind == "object": return object()
    if kind == "big": return "x" * 7_000_000
    if kind == "hang":
        while True: time.sleep(1)
    if kind == "memory": return len(bytearray(600 * 1024 * 1024))
    if kind == "flood":
        for _ in range(200_000): print("x" * 100)
        return "done"
    if kind == "garbage":
        os.write(1, b"\\xff\\x00\\x1b[31m" * 1000)
        return "done"
    if kind == "print":
        print("hello from the function")
        return "done"
"""


@pytest.fixture(scope="module")
def hostile(cloud: Any) -> str:
    name: str = cloud.function(HOSTILE, timeout_s=2)
    return name


def test_a_value_comes_back_with_version_and_request_id(cloud: Any, hostile: str) -> None:
    payload, answer = cloud.invoke(hostile, {"kind": "value", "text": "grüße"})
    assert payload["got"] == {"kind": "value", "text": "grüße"}
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "7"
    assert "FunctionError" not in answer
    assert payload["id"] == answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("kind", "error_type", "text"),
    [
        ("raise", "KeyError", "'WS'"),
        ("exit 3", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("exit 0", "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("sys.exit", "Runtime.ExitError", "Runtime exited with error: exit status 4"),
        ("segfault", "Runtime.ExitError", "Runtime exited with error: signal: segmentation fault"),
        ("kill", "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        ("recurse", "RecursionError", "maximum recursion depth exceeded"),
        ("object", "Runtime.MarshalError", "Unable to marshal response"),
        ("big", "Function.ResponseSizeTooLarge", "exceeded maximum allowed payload size (6291556 bytes)"),
        ("hang", "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
        ("memory", "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_failure_is_said_in_lambdas_words_and_the_next_call_works(
    cloud: Any, hostile: str, kind: str, error_type: str, text: str
) -> None:
    found_type, message = cloud.failure(hostile, {"kind": kind})
    assert found_type == error_type
    assert text in message
    assert cloud.value(hostile, {"kind": "value"})["got"] == {"kind": "value"}


def test_an_exceptions_payload_is_the_runtimes_own(cloud: Any, hostile: str) -> None:
    payload, _ = cloud.invoke(hostile, {"kind": "raise"})
    assert set(payload) == {"errorMessage", "errorType", "requestId", "stackTrace"}
    assert "/var/task/main.py" in payload["stackTrace"][-1]


@pytest.mark.parametrize("kind", ["flood", "garbage"])
def test_what_is_printed_does_not_break_the_answer_and_is_bounded(cloud: Any, hostile: str, kind: str) -> None:
    before = sum(map(len, cloud.log.lines.get(hostile, [])))
    assert cloud.value(hostile, {"kind": kind}) == "done"
    cloud.value(hostile, {"kind": "value"})
    assert sum(map(len, cloud.log.lines[hostile])) - before < 1_000_000


def test_the_log_has_start_output_end_and_report(cloud: Any, hostile: str) -> None:
    _, answer = cloud.invoke(hostile, {"kind": "print"}, LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request_id = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert f"START RequestId: {request_id} Version: 7" in lines
    assert lines.index("hello from the function") < lines.index(f"END RequestId: {request_id}")
    assert lines[-1].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert "Memory Size: 192 MB\tMax Memory Used: " in lines[-1]


@pytest.mark.parametrize(
    ("code", "error_type"),
    [
        ("import nothing_like_this", "Runtime.ImportModuleError"),
        ("def (:", "Runtime.UserCodeSyntaxError"),
        ("x = 1", "Runtime.HandlerNotFound"),
        ("import os; os._exit(9)", "Runtime.ExitError"),
        ("raise ValueError('at import')", "ValueError"),
    ],
)
def test_a_function_that_cannot_be_imported_says_so_each_time(cloud: Any, code: str, error_type: str) -> None:
    name = cloud.function(code)
    assert [cloud.failure(name, {})[0] for _ in range(2)] == [error_type, error_type]


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        ({"FunctionName": "nobody"}, "ResourceNotFoundException", 404),
        ({"Qualifier": "99"}, "ResourceNotFoundException", 404),
        ({"Payload": b"{not json"}, "InvalidRequestContentException", 400),
        ({"Payload": b'"' + b"x" * 6_300_000 + b'"'}, "RequestTooLargeException", 413),
        ({"InvocationType": "Event"}, "InvalidParameterValueException", 400),
    ],
)
def test_what_is_refused_is_refused_by_its_name(
    cloud: Any, hostile: str, arguments: dict[str, Any], code: str, status: int
) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client().invoke(**{"FunctionName": hostile, "Payload": b"{}", **arguments})
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_dry_run_runs_nothing(cloud: Any, hostile: str) -> None:
    answer = cloud.client().invoke(FunctionName=hostile, InvocationType="DryRun", Payload=b"{}")
    assert answer["StatusCode"] == 204


def test_a_python_that_is_not_here_says_how_to_get_it(cloud: Any) -> None:
    name = cloud.function("def handle(e, c): return 1", runtime="python3.39")
    with pytest.raises(ClientError) as caught:
        cloud.client().invoke(FunctionName=name, Payload=b"{}")
    answer = caught.value.response
    assert answer["Error"]["Code"] == "InvalidRuntimeException"
    assert "needs Python 3.39" in answer["ResponseMetadata"]["HTTPHeaders"]["x-services-ai-not-run"]


def test_the_worker_is_a_process_of_this_machine(cloud: Any, hostile: str) -> None:
    _, answer = cloud.invoke(hostile, {"kind": "value"})
    pid = int(answer["ResponseMetadata"]["HTTPHeaders"]["x-services-ai-worker-pid"])
    assert b"python3.11" in Path(f"/proc/{pid}/cmdline").read_bytes()
    _, again = cloud.invoke(hostile, {"kind": "value"})
    assert int(again["ResponseMetadata"]["HTTPHeaders"]["x-services-ai-worker-pid"]) == pid, "warm"
    if os.geteuid() == 0:
        assert Path(f"/proc/{pid}").stat().st_uid >= 61_000


def test_a_worker_that_died_between_calls_is_not_shown_to_the_next_caller(cloud: Any) -> None:
    name = cloud.function(
        "import os, threading\ndef handle(e, c):\n"
        "    threading.Timer(0.05, os._exit, (5,)).start()\n    return os.getpid()\n"
    )
    for _ in range(3):
        assert isinstance(cloud.value(name), int)
        time.sleep(0.2)


def test_calls_at_once_get_workers_of_their_own_and_none_is_lost(cloud: Any) -> None:
    name = cloud.function("import time\ndef handle(e, c):\n    time.sleep(0.3)\n    return e\n")
    got: list[Any] = []
    pids: set[str] = set()

    def call(number: int) -> None:
        payload, answer = cloud.invoke(name, number)
        got.append(payload)
        pids.add(answer["ResponseMetadata"]["HTTPHeaders"]["x-services-ai-worker-pid"])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(16))
    assert 4 <= len(pids) <= 10, "more than one, and no more than a function may have"


def test_a_new_revision_replaces_the_old_one(cloud: Any) -> None:
    name = cloud.function("def handle(e, c): return 'old'")
    assert cloud.value(name) == "old"
    cloud.function("def handle(e, c): return 'new'", function_name=name)
    assert cloud.value(name) == "new"
    deadline = time.monotonic() + 5
    while len(workers := [w for w in cloud.engine.status()["workers"] if w["function"] == name]) > 1:
        assert time.monotonic() < deadline, workers


def test_a_worker_may_not_answer_out_of_turn_or_for_another_event(cloud: Any) -> None:
    name = cloud.function(
        """
import http.client
def post(path):
    connection = http.client.HTTPConnection("127.0.0.1:9001", timeout=3)
    connection.request("POST", "/2018-06-01/runtime/" + path, '"forged"')
    return connection.getresponse().status
def handle(event, context):
    return [post("invocation/00000000-0000-4000-a000-000000000000/response"), post("init/error"), post("nothing")]
"""
    )
    assert cloud.value(name) == [403, 403, 404]
