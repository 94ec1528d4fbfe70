"""Event invocations: settings, retries, destinations, dead letters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.lambda_api.conftest import Deploy, eventually

API = "https://docs.aws.amazon.com/lambda/latest/api"
ERRORS = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"
RECORDS = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"
FAILS = "def handle(event, context): raise ValueError(event['why'])\n"


def send(call: Any, name: str, event: Any) -> str:
    answer = call(name, event, InvocationType="Event")
    return str(answer.response["ResponseMetadata"]["RequestId"])


@pytest.mark.cites(f"{API}/API_PutFunctionEventInvokeConfig.html")
def test_settings_are_put_updated_read_and_deleted(deploy: Deploy, functions: Any, queue: Any) -> None:
    """If you exclude any settings, they are removed. To set an option without affecting … use Update…."""
    name = deploy()
    _, arn = queue()
    told = {"OnFailure": {"Destination": arn}}
    put = functions.put_function_event_invoke_config
    put(FunctionName=name, MaximumRetryAttempts=0, DestinationConfig=told)
    made = put(FunctionName=name, MaximumEventAgeInSeconds=60)
    assert made["FunctionArn"].endswith(f":function:{name}:$LATEST")
    assert made["MaximumEventAgeInSeconds"] == 60
    assert not made["DestinationConfig"].get("OnFailure")
    changed = functions.update_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (1, 60)
    read = functions.get_function_event_invoke_config(FunctionName=name)
    assert (read["MaximumRetryAttempts"], read["MaximumEventAgeInSeconds"]) == (1, 60)
    listed = functions.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    assert [one["FunctionArn"] for one in listed] == [made["FunctionArn"]]
    functions.delete_function_event_invoke_config(FunctionName=name)
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function_event_invoke_config(FunctionName=name)


@pytest.mark.cites(f"{API}/API_PutFunctionEventInvokeConfig.html#API_PutFunctionEventInvokeConfig_RequestBody")
@pytest.mark.parametrize(
    "setting",
    [{"MaximumRetryAttempts": 3}, {"MaximumEventAgeInSeconds": 59}, {"MaximumEventAgeInSeconds": 21_601}],
    ids=str,
)
def test_settings_outside_their_limits_are_refused(clients: Any, echo: str, setting: dict[str, int]) -> None:
    """MaximumRetryAttempts Valid Range: 0 to 2, MaximumEventAgeInSeconds 60 to 21600."""
    with pytest.raises(ClientError) as caught:
        clients("lambda", validate=False).put_function_event_invoke_config(FunctionName=echo, **setting)
    assert caught.value.response["Error"]["Code"] in ("InvalidParameterValueException", "ValidationException")


@pytest.mark.cites(f"{RECORDS}#invocation-async-destinations")
def test_a_success_is_told(deploy: Deploy, functions: Any, call: Any, queue: Any, received: Any) -> None:
    """The invocation record: version, timestamp, requestContext, requestPayload, responseContext,
    responsePayload."""
    url, arn = queue()
    name = deploy()
    functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    request_id = send(call, name, {"n": 1})
    record = json.loads(received(url)["Body"])
    function = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    assert record["version"] == "1.0"
    assert record["timestamp"].endswith("Z")
    assert record["requestContext"] == {
        "requestId": request_id, "functionArn": f"{function}:$LATEST", "condition": "Success",
        "approximateInvokeCount": 1,
    }  # fmt: skip
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["requestPayload"] == record["responsePayload"] == {"n": 1}


@pytest.mark.cites(f"{RECORDS}#invocation-async-destinations")
def test_a_failure_is_told(deploy: Deploy, functions: Any, call: Any, queue: Any, received: Any) -> None:
    """ "condition": RetriesExhausted, responseContext with functionError Unhandled, responsePayload with
    the error."""
    url, arn = queue()
    name = deploy(FAILS)
    functions.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    request_id = send(call, name, {"why": "never"})
    record = json.loads(received(url)["Body"])
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    context = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responseContext"] == context
    assert record["requestPayload"] == {"why": "never"}
    assert (record["responsePayload"]["errorType"], record["responsePayload"]["errorMessage"]) == (
        "ValueError",
        "never",
    )


@pytest.mark.cites(f"{RECORDS}#invocation-dlq")
def test_a_dead_letter_is_the_event_with_attributes(
    deploy: Deploy, functions: Any, call: Any, queue: Any, received: Any
) -> None:
    """The event without additional information; attributes RequestID, ErrorCode, ErrorMessage."""
    url, arn = queue()
    name = deploy(FAILS, DeadLetterConfig={"TargetArn": arn})
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    request_id = send(call, name, {"why": "never"})
    letter = received(url)
    assert json.loads(letter["Body"]) == {"why": "never"}
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "never"}
    assert letter["MessageAttributes"]["ErrorCode"]["DataType"] == "Number"


@pytest.mark.cites(ERRORS)
def test_an_error_is_tried_again_under_the_same_request_id(
    deploy: Deploy, functions: Any, clients: Any, call: Any
) -> None:
    """Lambda … attempts to run it two more times: three runs of one request id (waits may be shorter here)."""
    name = deploy("def handle(event, context):\n    print('RAN', context.aws_request_id)\n    raise ValueError\n")
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    request_id = send(call, name, {})

    def runs() -> list[str]:
        try:
            found = clients("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except ClientError:
            return []
        return [event["message"].strip() for event in found if event["message"].startswith("RAN")]

    eventually(lambda: len(runs()) >= 2, 45)
    assert runs() == [f"RAN {request_id}"] * 2


@pytest.mark.cites("https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html")
def test_an_event_for_a_function_that_is_switched_off_is_accepted(
    deploy: Deploy, functions: Any, call: Any, queue: Any, received: Any
) -> None:
    """If … reserved concurrency is set to 0 … Lambda sends … to the configured dead-letter queue or the
    on-failure
    destination … without any retries."""
    url, arn = queue()
    name = deploy()
    functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert call(name, {"n": 1}, InvocationType="Event").response["StatusCode"] == 202
    record = json.loads(received(url)["Body"])
    assert record["requestPayload"] == {"n": 1}
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
