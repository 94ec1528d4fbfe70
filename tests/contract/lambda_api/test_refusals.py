"""Calls that Lambda refuses before the function sees them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

PAGE = "https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"
LIMITS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
RESERVED = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"


def text_of(size_bytes: int) -> bytes:
    """A JSON string of this size."""
    return b'"' + b"x" * (size_bytes - 2) + b'"'


@pytest.mark.cites(f"{LIMITS}#function-configuration-deployment-and-execution")
@pytest.mark.parametrize(
    ("kind", "allowed", "refused"), [("RequestResponse", 6_000_000, 6_400_000), ("Event", 1_000_000, 1_100_000)]
)
def test_a_payload_that_is_too_large(deploy: Any, functions: Any, kind: str, allowed: int, refused: int) -> None:
    """6 MB each for request and response (synchronous) … 1 MB (asynchronous); else RequestTooLargeException,
    413."""
    name = deploy("def handle(event, context): return len(event)\n")
    functions.invoke(FunctionName=name, InvocationType=kind, Payload=text_of(allowed))
    with pytest.raises(functions.exceptions.RequestTooLargeException) as caught:
        functions.invoke(FunctionName=name, InvocationType=kind, Payload=text_of(refused))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


@pytest.mark.cites(f"{PAGE}#API_Invoke_Errors")
@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
@pytest.mark.parametrize("payload", [b"{", b"not json", b"{} {}", b"'x'", b"\xff"])
def test_a_payload_that_is_no_json(functions: Any, echo: str, kind: str, payload: bytes) -> None:
    """InvalidRequestContentException: The request body could not be parsed as JSON … HTTP Status Code: 400."""
    with pytest.raises(functions.exceptions.InvalidRequestContentException) as caught:
        functions.invoke(FunctionName=echo, InvocationType=kind, Payload=payload)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Type"] == "User"


@pytest.mark.cites(f"{RESERVED}#configuring-concurrency-reserved")
def test_a_reserved_concurrency_of_0(deploy: Any, functions: Any, call: Any) -> None:
    """To throttle a function, set the reserved concurrency to 0: 429, with the reason."""
    name = deploy()
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(functions.exceptions.TooManyRequestsException) as caught:
        call(name)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    functions.delete_function_concurrency(FunctionName=name)
    assert call(name, 1).value == 1


@pytest.mark.cites(f"{RESERVED}#configuring-concurrency-reserved")
def test_one_call_more_than_the_reserved_concurrency(deploy: Any, functions: Any, call: Any) -> None:
    """Reserved concurrency … the maximum number of concurrent instances: one more gets 429."""
    name = deploy("import time\ndef handle(event, context): time.sleep(event)\n")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    call(name, 0)

    def attempt(_: int) -> str:
        try:
            return str(call(name, 1.5).response["StatusCode"])
        except functions.exceptions.TooManyRequestsException as error:
            return str(error.response["Reason"])

    with ThreadPoolExecutor(3) as pool:
        outcomes = sorted(pool.map(attempt, range(3)))
    assert outcomes == ["200", *["ReservedFunctionConcurrentInvocationLimitExceeded"] * 2]


@pytest.mark.cites(
    "https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html#API_PutFunctionConcurrency_RequestBody"
)
def test_what_is_reserved_is_shown_and_taken_back(deploy: Any, functions: Any) -> None:
    """ "The number of simultaneous executions to reserve for the function"; Get shows it, Delete removes it."""
    name = deploy()
    for reserved in (0, 5):
        put = functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
        assert put["ReservedConcurrentExecutions"] == reserved
        got = functions.get_function_concurrency(FunctionName=name)
        assert got["ReservedConcurrentExecutions"] == reserved
        shown = functions.get_function(FunctionName=name)["Concurrency"]
        assert shown == {"ReservedConcurrentExecutions": reserved}
    functions.delete_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)
    assert "Concurrency" not in functions.get_function(FunctionName=name)


@pytest.mark.cites(f"{RESERVED}#configuring-concurrency-reserved")
def test_a_hundred_stay_unreserved(deploy: Any, functions: Any) -> None:
    """Lambda … leaves 100 units of concurrency for functions that don't reserve any of the account's 1,000."""
    name = deploy()
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match="below its minimum value"):
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=901)
