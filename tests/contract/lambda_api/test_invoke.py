"""Invoke: invocation types, payloads, log tail, client context."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

PAGE = "https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"


@pytest.mark.cites(f"{PAGE}#API_Invoke_ResponseElements")
def test_request_response_answers_with_what_the_function_returned(echo: str, call: Any) -> None:
    """The response has "the HTTP status code" 200, "the response from the function" and "the version … that
    executed"."""
    answer = call(echo, {"n": 1}, InvocationType="RequestResponse")
    assert (answer.response["StatusCode"], answer.response["ExecutedVersion"]) == (200, "$LATEST")
    assert (answer.value, answer.error) == ({"n": 1}, None)
    assert "LogResult" not in answer.response


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html#python-handler-return")
@pytest.mark.parametrize("event", [None, True, 0, -1.5, "", "ä € 𝄞 \u2028", [], [1, {"a": None}], {"": {}}])
def test_every_json_value_passes_both_ways(echo: str, call: Any, event: Any) -> None:
    """The runtime turns the event's JSON into Python's types, and what the handler returns into JSON."""
    assert call(echo, event).value == event


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html#python-handler-return")
def test_a_handler_that_returns_nothing_answers_null(deploy: Any, call: Any) -> None:
    """If the handler returns `None` … the runtime returns `null`."""
    assert call(deploy("def handle(event, context): pass\n"), {}).payload == b"null"


@pytest.mark.cites(f"{PAGE}#API_Invoke_RequestParameters")
def test_an_event_is_accepted_and_run_later(
    deploy: Any, functions: Any, call: Any, queue: Any, received: Any
) -> None:
    """`Event`: "Invoke the function asynchronously … The API response only includes a status code": 202."""
    url, arn = queue()
    name = deploy("import time\ndef handle(event, context):\n    time.sleep(1)\n    return event\n")
    functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    answer = call(name, {"n": 1}, InvocationType="Event")
    assert (answer.response["StatusCode"], answer.payload) == (202, b"")
    assert answer.response.get("ExecutedVersion") is None
    assert json.loads(received(url)["Body"])["requestPayload"] == {"n": 1}


@pytest.mark.cites(f"{PAGE}#API_Invoke_RequestParameters")
def test_a_dry_run_runs_nothing(deploy: Any, call: Any) -> None:
    """`DryRun`: "Validate parameter values and verify that the user or role has permission": 204, nothing runs."""
    name = deploy("count = 0\ndef handle(event, context):\n    global count\n    count += 1\n    return count\n")
    answer = call(name, {}, InvocationType="DryRun")
    assert (answer.response["StatusCode"], answer.payload) == (204, b"")
    assert call(name, {}).value == 1


@pytest.mark.cites(f"{PAGE}#API_Invoke_Errors")
def test_a_dry_run_of_nobody_is_refused(functions: Any, call: Any) -> None:
    """ResourceNotFoundException: "The resource specified in the request does not exist", also for DryRun."""
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        call("nobody-at-all", {}, InvocationType="DryRun")


@pytest.mark.cites(f"{PAGE}#API_Invoke_RequestParameters")
@pytest.mark.parametrize(
    "wrong",
    [
        {"InvocationType": "Later"},
        {"LogType": "Head"},
    ],
)
def test_a_value_outside_its_enumeration_is_refused(echo: str, call: Any, wrong: dict[str, str]) -> None:
    """InvocationType: Valid Values: Event | RequestResponse | DryRun; LogType: Valid Values: None | Tail."""
    with pytest.raises(ClientError) as caught:
        call(echo, {}, **wrong)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.cites(f"{PAGE}#API_Invoke_ResponseElements")
def test_the_log_s_tail_is_there_when_it_is_asked_for(deploy: Any, call: Any) -> None:
    """LogResult: "The last 4 KB of the execution log, which is base64-encoded", with START, END and REPORT."""
    name = deploy("def handle(event, context):\n    print('said', event)\n")
    answer = call(name, "this", LogType="Tail")
    text = base64.b64decode(answer.response["LogResult"]).decode()
    request_id = answer.response["ResponseMetadata"]["RequestId"]
    assert f"START RequestId: {request_id} Version: $LATEST\n" in text
    assert "said this\n" in text
    assert f"END RequestId: {request_id}\n" in text
    assert f"REPORT RequestId: {request_id}\tDuration: " in text
    assert "\tMemory Size: 256 MB\tMax Memory Used: " in text


@pytest.mark.cites(f"{PAGE}#API_Invoke_ResponseElements")
def test_the_log_s_tail_is_its_last_4_kb(deploy: Any, call: Any) -> None:
    """ "The last 4 KB of the execution log"."""
    name = deploy("def handle(event, context):\n    print('first')\n    print('x' * 9000)\n    print('last')\n")
    text = base64.b64decode(call(name, {}, LogType="Tail").response["LogResult"]).decode()
    assert len(text) == 4096
    assert "first" not in text
    assert "last\n" in text


@pytest.mark.cites(f"{PAGE}#API_Invoke_RequestParameters")
def test_the_client_context_reaches_the_function(deploy: Any, call: Any) -> None:
    """ClientContext: "base64-encoded data about the invoking client to pass to the function in the context
    object"."""
    name = deploy(
        "def handle(event, context):\n    c = context.client_context\n"
        "    return [c.custom, c.env, c.client.app_title] if c else None\n"
    )
    context = {"custom": {"a": "b"}, "env": {"make": "x"}, "client": {"app_title": "t"}}
    encoded = base64.b64encode(json.dumps(context).encode()).decode()
    assert call(name, {}, ClientContext=encoded).value == [{"a": "b"}, {"make": "x"}, "t"]
    assert call(name, {}).value is None


@pytest.mark.cites(f"{PAGE}#API_Invoke_RequestParameters")
@pytest.mark.parametrize(
    "wrong",
    [
        "###",
        base64.b64encode(b"{").decode(),
        base64.b64encode(b'{"custom": {"a": "%s"}}' % (b"x" * 2700)).decode(),
    ],
)
def test_a_client_context_that_is_none_is_refused(functions: Any, echo: str, call: Any, wrong: str) -> None:
    """ "Up to 3,583 bytes of base64-encoded data", JSON; else InvalidRequestContentException."""
    with pytest.raises(functions.exceptions.InvalidRequestContentException):
        call(echo, {}, ClientContext=wrong)
