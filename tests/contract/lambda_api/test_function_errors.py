"""What Invoke answers when the function fails: FunctionError and its payload."""

from __future__ import annotations

import re
from typing import Any

import pytest

PYTHON = "https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html"
TROUBLE = "https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html"
LIMITS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"


def failed(answer: Any) -> dict[str, Any]:
    """The error of a call that was answered."""
    assert answer.response["StatusCode"] == 200
    assert answer.error == "Unhandled"
    payload: dict[str, Any] = answer.value
    return payload


@pytest.mark.cites(f"{PYTHON}#python-exceptions-how")
def test_an_exception(deploy: Any, call: Any) -> None:
    """Lambda catches it and returns JSON with fields for the error message, the type and a stack trace."""
    answer = call(deploy("class Own(Exception): pass\ndef handle(event, context):\n    raise Own('no', 1)\n"), {})
    payload = failed(answer)
    assert payload["errorType"] == "Own"
    assert payload["errorMessage"] == "('no', 1)"
    assert payload["requestId"] == answer.response["ResponseMetadata"]["RequestId"]
    assert payload["stackTrace"] == ["  File \"/var/task/main.py\", line 3, in handle\n    raise Own('no', 1)\n"]


@pytest.mark.cites(f"{PYTHON}#python-exceptions-how")
@pytest.mark.parametrize(
    ("statement", "status"), [("sys.exit(7)", "exit status 7"), ("os._exit(3)", "exit status 3")]
)
def test_a_process_that_ends(deploy: Any, call: Any, statement: str, status: str) -> None:
    """The runtime that exits: Runtime.ExitError, `RequestId: … Error: Runtime exited with error: exit status
    N`."""
    name = deploy(f"import os, sys\ndef handle(event, context):\n    if event: return event\n    {statement}\n")
    payload = failed(call(name))
    assert payload["errorType"] == "Runtime.ExitError"
    assert re.fullmatch(
        rf"RequestId: [0-9a-f-]{{36}} Error: Runtime exited with error: {status}", payload["errorMessage"]
    )
    assert call(name, "next").value == "next"


@pytest.mark.cites(f"{TROUBLE}#troubleshooting-timeouts")
def test_a_call_that_takes_too_long(deploy: Any, call: Any) -> None:
    """Task timed out after 1.00 seconds ends the call; the next one gets a new environment."""
    name = deploy(
        "import time\ncount = 0\ndef handle(event, context):\n    global count\n    count += 1\n"
        "    if event: time.sleep(20)\n    return count\n",
        Timeout=1,
    )
    call(name)
    payload = failed(call(name, "slow"))
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert payload.get("errorType") == "Sandbox.Timedout"
    assert call(name).value == 1


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html")
def test_more_memory_than_there_is(deploy: Any, call: Any) -> None:
    """MemorySize is "the amount of memory available to the function at runtime": more ends the runtime."""
    name = deploy(
        "def handle(event, context):\n    kept = [bytearray(b'x' * 10_000_000) for _ in range(event)]\n"
        "    return len(kept)\n",
        MemorySize=128,
    )
    assert call(name, 3).value == 3
    payload = failed(call(name, 60))
    assert payload["errorType"] in ("Runtime.OutOfMemory", "Runtime.ExitError")
    assert call(name, 1).value == 1


@pytest.mark.cites(f"{LIMITS}#function-configuration-deployment-and-execution")
def test_an_answer_that_is_too_large(deploy: Any, call: Any) -> None:
    """Invocation payload (request and response): 6 MB each for request and response (synchronous)."""
    name = deploy("def handle(event, context): return 'x' * event\n")
    assert len(call(name, 6_000_000).value) == 6_000_000
    payload = failed(call(name, 6_400_000))
    assert payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert payload["errorMessage"].startswith("Response payload size ")
    assert payload["errorMessage"].endswith("exceeded maximum allowed payload size (6291556 bytes).")


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html#python-handler-return")
def test_an_answer_that_is_no_json(deploy: Any, call: Any) -> None:
    """If your handler returns objects that can't be serialized by `json.dumps`, the runtime returns an
    error."""
    payload = failed(call(deploy("def handle(event, context): return {1, 2}\n"), {}))
    assert payload["errorType"] == "Runtime.MarshalError"
    assert "is not JSON serializable" in payload["errorMessage"]


@pytest.mark.cites(f"{TROUBLE}")
@pytest.mark.parametrize(
    ("code", "handler", "kind", "said"),
    [
        ("import nobody_s\n", "main.handle", "Runtime.ImportModuleError", "No module named 'nobody_s'"),
        ("x = 1\n", "other.handle", "Runtime.ImportModuleError", "module 'other': No module named 'other'"),
        ("x = 1\n", "main.handle", "Runtime.HandlerNotFound", "Handler 'handle' missing on module 'main'"),
        ("def (:\n", "main.handle", "Runtime.UserCodeSyntaxError", "Syntax error in module 'main': "),
        ("x = 1\n", "main", "Runtime.MalformedHandlerName", "Bad handler 'main'"),
    ],
)  # fmt: skip
def test_a_function_that_does_not_load(
    deploy: Any, call: Any, code: str, handler: str, kind: str, said: str
) -> None:
    """Unable to import module …, Handler … missing on module …: the runtime's errors while it starts."""
    payload = failed(call(deploy(code, Handler=handler), {}))
    assert payload["errorType"] == kind
    assert said in payload["errorMessage"]


@pytest.mark.cites(f"{PYTHON}#python-exceptions-how")
def test_an_exception_while_it_loads(deploy: Any, call: Any) -> None:
    """An exception outside the handler is answered with its own type, too."""
    payload = failed(call(deploy("raise ValueError('at the start')\n"), {}))
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "at the start")
