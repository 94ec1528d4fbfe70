"""Invoke as a caller sees it when all is well, and what is refused before a function runs."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.spec import Artifact
from tests.contract.emulator.emulators import ARN, Emulator, wait_until


def refusal(emulator: Emulator, name: str, payload: bytes = b"{}", **arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        emulator.client.invoke(FunctionName=name, Payload=payload, **arguments)
    response = caught.value.response
    return (
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Code"],
        response["Error"]["Message"],
    )


def test_value_is_returned(emulator: Emulator) -> None:
    answer = emulator.run("faults.echo", {"text": "ä€😀", "n": [1, None, 2.5]})
    assert answer.error is None
    assert answer.value["event"] == {"text": "ä€😀", "n": [1, None, 2.5]}
    assert answer.value["arn"] == f"{ARN}faults-echo"


def test_request_id_is_the_handlers_and_the_logs(emulator: Emulator) -> None:
    answer = emulator.run("faults.echo", {})
    assert str(uuid.UUID(answer.request_id)) == answer.request_id
    assert uuid.UUID(answer.request_id).version == 4
    assert answer.value["request_id"] == answer.request_id
    assert f"START RequestId: {answer.request_id} Version: $LATEST" in answer.log


def test_version_and_qualifier(emulator: Emulator) -> None:
    spec = emulator.add("versioned", handler="faults.echo")
    emulator.functions.specs["versioned", "live"] = spec.replace(version="7")
    for _ in range(2):
        answer = emulator.call("versioned", {}, Qualifier="live")
        assert answer.version == "7"
        assert answer.value["arn"] == f"{ARN}versioned:live"
    assert emulator.call("versioned", {}).version == "$LATEST"


def test_worker_pid_is_a_python_of_this_machine(emulator: Emulator) -> None:
    answer = emulator.run("faults.echo", {})
    command = Path(f"/proc/{answer.pid}/cmdline").read_bytes().split(b"\0")
    assert command[0] == b"/var/lang/bin/python3.11"
    assert Path(f"/proc/{answer.pid}/status").read_text().split("Uid:")[1].split()[0] != "0"


def test_no_secret_is_on_a_command_line(emulator: Emulator) -> None:
    answer = emulator.run("faults.echo", {})
    outer = int(Path(f"/proc/{answer.pid}/stat").read_text().rpartition(")")[2].split()[1])
    for pid in (answer.pid, outer):
        assert b"secret of" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_empty_payload_is_an_empty_event(emulator: Emulator) -> None:
    emulator.add("empty", handler="faults.echo")
    for _ in range(2):
        connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=30)
        connection.request("POST", "/2015-03-31/functions/empty/invocations")
        response = connection.getresponse()
        assert response.status == 200
        assert json.loads(response.read())["event"] == {}
        connection.close()


def test_function_named_by_its_arn(emulator: Emulator) -> None:
    spec = emulator.add("by-arn", handler="faults.echo")
    emulator.functions.specs[spec.function_arn, None] = spec
    assert emulator.call(spec.function_arn, {}).error is None


def test_warm_worker_is_used_again(emulator: Emulator) -> None:
    first, second = emulator.run("faults.count"), emulator.run("faults.count")
    assert (first.value[0], second.value[0]) == (1, 2)
    assert first.pid == second.pid


def test_log_of_a_call(emulator: Emulator) -> None:
    answer = emulator.run("faults.logs")
    lines = answer.log.splitlines()
    assert lines[:4] == [
        f"START RequestId: {answer.request_id} Version: $LATEST",
        "to standard output",
        "to standard error",
        "without an end of line",
    ]
    report = (
        rf"REPORT RequestId: {answer.request_id}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: (\d+) MB\tInit Duration: \d+\.\d\d ms\t"
    )
    written = wait_until(
        lambda: emulator.log.of("faults-logs")[:6] if len(emulator.log.of("faults-logs")) >= 6 else None, "the log"
    )
    assert written[4] == f"END RequestId: {answer.request_id}"
    match = re.fullmatch(report, written[5])
    assert match, written[5]
    assert 0 < int(match[1]) < 128
    emulator.run("faults.logs")
    again = wait_until(lambda: emulator.log.of("faults-logs")[6:12], "the second log")
    assert "Init Duration" not in "".join(again)


def test_tail_of_a_log_has_its_last_lines(emulator: Emulator) -> None:
    answer = emulator.run("faults.floods", {"lines": 500})
    lines = answer.log.splitlines()
    assert 3900 < len(answer.log) <= 4096
    assert lines[-1].startswith(f"REPORT RequestId: {answer.request_id}")
    assert lines[-3].startswith("000000499")


def test_no_log_tail_unless_asked_for(emulator: Emulator) -> None:
    emulator.run("faults.echo")
    response = emulator.client.invoke(FunctionName="faults-echo", Payload=b"{}")
    assert "LogResult" not in response


def test_unknown_function(emulator: Emulator) -> None:
    status, code, message = refusal(emulator, "nobody")
    assert (status, code) == (404, "ResourceNotFoundException")
    assert "nobody" in message


def test_unknown_qualifier(emulator: Emulator) -> None:
    emulator.run("faults.echo")
    assert refusal(emulator, "faults-echo", Qualifier="nope")[:2] == (404, "ResourceNotFoundException")


@pytest.mark.parametrize("body", [b"{", b"\x80\x81", b"{'a': 1}", b"[" * 200_000, b'{"a": 1} x', b"\x00"])
def test_body_that_is_no_json(emulator: Emulator, body: bytes) -> None:
    """On a cold function and on a warm one, which are two ways through the code."""
    emulator.run("faults.echo")
    for name in ("faults-echo", "cold"):
        assert refusal(emulator, name, body)[:2] == (400, "InvalidRequestContentException")


def test_request_of_six_megabytes_fits_and_a_byte_more_does_not(emulator: Emulator) -> None:
    emulator.add("large", handler="faults.size_of", memory_mb=256)
    fits = b'"' + b"a" * (6_291_456 - 2) + b'"'
    for _ in range(2):
        response = emulator.client.invoke(FunctionName="large", Payload=fits)
        assert response["Payload"].read() == b"6291454"
        assert refusal(emulator, "large", fits + b" ")[:2] == (413, "RequestTooLargeException")


def test_unknown_invocation_type(emulator: Emulator) -> None:
    emulator.run("faults.count")
    for name in ("faults-count", "cold"):
        assert refusal(emulator, name, InvocationType="Sometimes")[:2] == (400, "InvalidParameterValueException")


def test_dry_run_runs_nothing(emulator: Emulator) -> None:
    before = emulator.run("faults.count").value[0]
    response = emulator.client.invoke(FunctionName="faults-count", Payload=b"{}", InvocationType="DryRun")
    assert response["StatusCode"] == 204
    assert emulator.run("faults.count").value[0] == before + 1
    with pytest.raises(ClientError):
        emulator.client.invoke(FunctionName="dry-unknown", InvocationType="DryRun")


@pytest.mark.parametrize("runtime", ["python3.2", "python3.99"])
def test_python_that_is_not_here(emulator: Emulator, runtime: str) -> None:
    name = f"on-{runtime.replace('.', '-')}"
    emulator.add(name, "", runtime=runtime)
    with pytest.raises(ClientError) as caught:
        emulator.client.invoke(FunctionName=name, Payload=b"{}")
    response = caught.value.response
    assert response["Error"]["Code"] == "InvalidRuntimeException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 502
    why = response["ResponseMetadata"]["HTTPHeaders"]["x-services-ai-not-run"]
    assert f"needs Python {runtime.removeprefix('python')}" in why
    assert "SERVICES_AI_PYTHONS" in why


@pytest.mark.parametrize(
    ("number", "runtime"), list(enumerate(["nodejs22.x", "python3", "python3.11; rm", "python../../x", ""]))
)
def test_runtime_that_is_no_python(emulator: Emulator, number: int, runtime: str) -> None:
    emulator.add(f"runtime-{number}", "", runtime=runtime)
    status, _, message = refusal(emulator, f"runtime-{number}")
    assert status >= 500
    assert repr(runtime) in message


def test_zip_that_is_none(emulator: Emulator) -> None:
    spec = emulator.add("broken-zip", "")
    path = spec.code.path.with_name("broken.zip")
    path.write_bytes(b"PK\x03\x04 and nothing more")
    emulator.functions.specs["broken-zip", None] = spec.replace(code=Artifact("0" * 64, path))
    assert refusal(emulator, "broken-zip")[:2] == (502, "InvalidZipFileException")


@pytest.mark.parametrize(
    ("number", "changes"),
    list(
        enumerate(
            [
                {"environment": {"A": "b\0--bind\0/\0/tmp/host"}},
                {"environment": {"A": "\ud800"}},
                {"environment": {"A\0b\0--bind\0/\0/tmp/host\0--setenv\0B": "c"}},
                {"handler": "main.handle\0--bind\0/\0/tmp/host"},
                {"log_group": "/aws\0--bind\0/\0/tmp/host"},
            ]
        )
    ),
)
def test_nul_bytes_cannot_add_arguments_to_the_sandbox(
    emulator: Emulator, number: int, changes: dict[str, Any]
) -> None:
    code = "import os\ndef handle(event, context): return os.path.exists('/tmp/host')"
    emulator.add(f"nul-{number}", code, **changes)
    status, code, message = refusal(emulator, f"nul-{number}")
    assert (status, code) == (500, "ServiceException")
    assert "NUL" in message


@pytest.mark.parametrize(("number", "name"), list(enumerate(["A=B", "", "=", "LD_PRELOAD=/x"])))
def test_variable_name_that_no_process_can_have(emulator: Emulator, number: int, name: str) -> None:
    emulator.add(f"variable-{number}", "def handle(event, context): return 1", environment={name: "x"})
    status, code, message = refusal(emulator, f"variable-{number}")
    assert (status, code) == (500, "ServiceException")
    assert repr(name) in message


def test_status_lists_workers_and_protections(emulator: Emulator) -> None:
    answer = emulator.run("faults.echo", {})
    status = emulator.engine.status()
    json.dumps(status)
    assert "faults-echo" in status["warm_functions"]
    mine = [worker for worker in status["workers"] if worker["pid"] == answer.pid]
    memory_mb = mine[0].pop("memory_mb")
    assert mine == [{"pid": answer.pid, "function": "faults-echo", "version": "$LATEST", "state": "idle"}]
    assert 1 < memory_mb < 100
    assert status["memory_mb"] >= memory_mb
    (found,) = (one for one in status["functions"] if one["function"] == "faults-echo")
    assert found["calls"] >= 1
    assert found["idle"] >= 1
    assert found["p50_ms"] > 0
    assert any("seccomp" in line for line in status["protections"])


@pytest.mark.parametrize("kind", ["long way", "short way"])
def test_status_counts_each_call_once_and_keeps_its_error(emulator: Emulator, kind: str) -> None:
    name = f"counted-{kind[:4].strip()}"
    emulator.add(name, "def handle(event, context):\n    if event: raise LookupError('none\\nhere')")

    def counts() -> tuple[int, int]:
        (found,) = (one for one in emulator.engine.status()["functions"] if one["function"] == name)
        return found["calls"], found["errors"]

    emulator.do(emulator.engine.invoke(name, None, b"{}"))
    assert counts() == (1, 0)
    if kind == "long way":
        emulator.do(emulator.engine.invoke(name, None, b"1"))
    else:

        async def short() -> None:
            answered: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            assert emulator.engine.try_invoke(name, None, b"1", answered.set_result)
            await answered

        emulator.do(short())
    assert counts() == (2, 1)
    error = emulator.engine.status()["errors"][0]
    assert (error["function"], error["type"], error["message"]) == (name, "LookupError", "none")


def test_a_function_that_cannot_be_imported_counts_as_an_error(emulator: Emulator) -> None:
    emulator.add("counted-import", "import nowhere")
    emulator.do(emulator.engine.invoke("counted-import", None, b"{}"))
    (found,) = (one for one in emulator.engine.status()["functions"] if one["function"] == "counted-import")
    assert (found["calls"], found["errors"]) == (1, 1)


def test_after_close_nothing_is_run(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator()
    emulator.run("faults.echo")
    emulator.do(emulator.engine.close())
    with pytest.raises(InvokeRefused) as caught:
        emulator.do(emulator.engine.invoke("faults-echo", None, b"{}"))
    assert caught.value.status == 503
    assert refusal(emulator, "faults-echo")[0] == 503


_CONTEXT = """
import os
def handle(event, context):
    given = context.client_context
    return [os.environ["_X_AMZN_TRACE_ID"], given and [given.custom, given.env, given.client.app_title]]
"""
_TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def posted(emulator: Emulator, name: str, headers: dict[str, str]) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port)
    connection.request("POST", f"/2015-03-31/functions/{name}/invocations", b"{}", headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def test_client_context_and_trace_of_the_caller_reach_the_function(emulator: Emulator) -> None:
    emulator.add("told", _CONTEXT)
    context = {"custom": {"who": "\u00e4\r\nx: y"}, "env": {"a": "b"}, "client": {"app_title": "app"}}
    encoded = base64.b64encode(json.dumps(context, ensure_ascii=False).encode()).decode()
    assert emulator.call("told", ClientContext=encoded).value[1] == [context["custom"], {"a": "b"}, "app"]
    for _ in range(2):
        assert posted(emulator, "told", {"X-Amzn-Trace-Id": _TRACE}) == [_TRACE, None]
    for trace in ("nonsense", f"{_TRACE};x=\u00e4", "Root=1", f"{_TRACE};a={'b' * 600}"):
        own, none = posted(emulator, "told", {"X-Amzn-Trace-Id": trace})
        assert own.endswith(";Sampled=0")
        assert none is None


@pytest.mark.parametrize(
    "context", ["no base64!", base64.b64encode(b"{").decode(), base64.b64encode(b"[1]").decode(), "e30=" * 1000]
)
def test_client_context_that_is_none_is_refused(emulator: Emulator, context: str) -> None:
    emulator.add("not-told", _CONTEXT)
    with pytest.raises(ClientError, match="InvalidRequestContent") as refused:
        emulator.call("not-told", ClientContext=context)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
