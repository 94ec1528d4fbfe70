"""Queues as event sources: mappings, batches, partial failures."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.lambda_api.conftest import Deploy, eventually

API = "https://docs.aws.amazon.com/lambda/latest/api"
SQS = "https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"
FAILURES = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"
PRINTS = """
import json
def handle(event, context):
    for record in event["Records"]:
        print("GOT", json.dumps(record))
    return {"batchItemFailures": [
        {"itemIdentifier": r["messageId"]} for r in event["Records"] if r["body"].startswith("bad")]}
"""


def got(clients: Any, name: str) -> list[dict[str, Any]]:
    """The records that a function has seen."""
    try:
        found = clients("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    except ClientError:
        return []
    return [json.loads(event["message"][4:]) for event in found if event["message"].startswith("GOT ")]


@pytest.fixture
def fed(deploy: Deploy, functions: Any, queue: Any) -> Any:
    """A function, its queue's URL, and the mapping."""
    url, arn = queue(VisibilityTimeout="60")
    name = deploy(PRINTS)
    mapping = functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name, BatchSize=10)
    yield name, url, arn, mapping
    try:
        functions.delete_event_source_mapping(UUID=mapping["UUID"])
    except functions.exceptions.ResourceNotFoundException:
        pass  # the test has deleted it


@pytest.mark.cites(f"{API}/API_CreateEventSourceMapping.html#API_CreateEventSourceMapping_ResponseElements")
def test_a_mapping_is_read_listed_changed_and_deleted(fed: Any, functions: Any) -> None:
    """UUID, BatchSize, EventSourceArn, FunctionArn, State, LastModified; 202 on creation."""
    name, _, arn, mapping = fed
    assert mapping["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (mapping["BatchSize"], mapping["EventSourceArn"]) == (10, arn)
    assert mapping["FunctionArn"].endswith(f":function:{name}")
    assert mapping["State"] in ("Creating", "Enabled")
    listed = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert [one["UUID"] for one in listed] == [mapping["UUID"]]
    changed = functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=5)
    assert changed["BatchSize"] == 5
    assert functions.get_event_source_mapping(UUID=mapping["UUID"])["BatchSize"] == 5
    functions.delete_event_source_mapping(UUID=mapping["UUID"])

    def is_gone() -> bool:
        try:
            functions.get_event_source_mapping(UUID=mapping["UUID"])
        except functions.exceptions.ResourceNotFoundException:
            return True
        return False

    eventually(is_gone)


@pytest.mark.cites(f"{SQS}#example-standard-queue-message-event")
def test_a_message_reaches_the_function_as_documented(fed: Any, clients: Any) -> None:
    """A record has messageId, receiptHandle, body, attributes, messageAttributes, md5OfBody, eventSource …"""
    name, url, arn, _ = fed
    sent = clients("sqs").send_message(
        QueueUrl=url, MessageBody="good", MessageAttributes={"a": {"StringValue": "b", "DataType": "String"}}
    )
    (record,) = eventually(lambda: got(clients, name))
    assert (record["messageId"], record["body"], record["md5OfBody"]) == (
        sent["MessageId"], "good", sent["MD5OfMessageBody"],
    )  # fmt: skip
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == ("aws:sqs", arn, "us-east-1")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert set(record["attributes"]) >= {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"}
    assert record["messageAttributes"]["a"]["stringValue"] == "b"
    assert record["messageAttributes"]["a"]["dataType"] == "String"

    def is_empty() -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        left = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return set(left.values()) == {"0"}

    eventually(is_empty)


@pytest.mark.cites(f"{FAILURES}#services-sqs-batchfailurereporting")
def test_only_what_failed_comes_again(
    deploy: Deploy, functions: Any, clients: Any, queue: Any, received: Any
) -> None:
    """ReportBatchItemFailures: return only the IDs of the failed messages - the others are deleted."""
    dead_url, dead_arn = queue()
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = queue(VisibilityTimeout="10", RedrivePolicy=redrive)
    name = deploy(PRINTS, Timeout=5)
    mapping = functions.create_event_source_mapping(
        EventSourceArn=arn, FunctionName=name, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(["good", "bad", "fine"])]
    clients("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    try:
        eventually(lambda: len(got(clients, name)) >= 4, 40)
        assert received(dead_url)["Body"] == "bad"
        assert sorted(record["body"] for record in got(clients, name)) == ["bad", "bad", "fine", "good"]
    finally:
        functions.delete_event_source_mapping(UUID=mapping["UUID"])


@pytest.mark.cites(f"{API}/API_CreateEventSourceMapping.html#API_CreateEventSourceMapping_Errors")
def test_a_second_mapping_of_the_same_pair_is_refused(fed: Any, functions: Any) -> None:
    """ResourceConflictException: "The resource already exists", 409."""
    name, _, arn, _ = fed
    with pytest.raises(functions.exceptions.ResourceConflictException):
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name)


@pytest.mark.cites(f"{API}/API_CreateEventSourceMapping.html#API_CreateEventSourceMapping_RequestBody")
@pytest.mark.parametrize(
    "setting",
    [
        {"BatchSize": 10_001},
        {"BatchSize": 0},
        {"BatchSize": 11},
    ],
    ids=str,
)
def test_a_batch_size_that_cannot_be(clients: Any, deploy: Deploy, queue: Any, setting: dict[str, int]) -> None:
    """BatchSize: SQS "Default 10. For standard queues the max is 10,000"; above 10 only with a window of at
    least 1 s."""
    _, arn = queue()
    with pytest.raises(ClientError) as caught:
        clients("lambda", validate=False).create_event_source_mapping(
            EventSourceArn=arn, FunctionName=deploy(), **setting
        )
    assert caught.value.response["Error"]["Code"] in ("InvalidParameterValueException", "ValidationException")


@pytest.mark.cites(f"{API}/API_CreateEventSourceMapping.html#API_CreateEventSourceMapping_Errors")
def test_a_mapping_to_nobody_is_refused(functions: Any, queue: Any) -> None:
    """ResourceNotFoundException (function), "The resource specified in the request does not exist"."""
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.create_event_source_mapping(EventSourceArn=queue()[1], FunctionName="nobody-at-all")


@pytest.mark.cites(f"{API}/API_CreateEventSourceMapping.html#API_CreateEventSourceMapping_RequestBody")
def test_a_mapping_that_is_switched_off_leaves_messages(fed: Any, functions: Any, clients: Any) -> None:
    """Enabled: "When true, the event source mapping is active. When false, Lambda pauses polling and
    invocation"."""
    name, url, _, mapping = fed
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    eventually(lambda: functions.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Disabled")
    clients("sqs").send_message(QueueUrl=url, MessageBody="stays")
    (message,) = eventually(
        lambda: clients("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=3).get("Messages")
    )
    assert message["Body"] == "stays"
    assert got(clients, name) == []
