"""Asynchronous calls in the local cloud, as boto3 makes them and sees their outcomes."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).parent))
from test_cloud import queue

from tests.functional.local.conftest import eventually

pytestmark = pytest.mark.cloud

FAILS = "def handle(event, context): raise ValueError(event['why'])\n"
WORKS = "def handle(event, context): return {'seen': event}\n"


def send(cloud: Any, name: str, event: Any) -> str:
    answer = cloud.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
    )
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    return str(answer["ResponseMetadata"]["RequestId"])


def received(cloud: Any, url: str) -> Any:
    def look() -> Any:
        return (
            cloud.client("sqs")
            .receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"])
            .get("Messages")
        )

    return eventually(look)[0]


def test_what_fails_twice_again_reaches_the_dead_letters_and_the_destination(cloud: Any, deploy: Any) -> None:
    dead_url, dead_arn = queue(cloud, "events-dead")
    told_url, told_arn = queue(cloud, "events-told")
    name = deploy(FAILS, DeadLetterConfig={"TargetArn": dead_arn})
    cloud.client("lambda").put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": told_arn}}
    )
    request_id = send(cloud, name, {"why": "never"})
    record = json.loads(received(cloud, told_url)["Body"])
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorMessage"] == "never"
    letter = received(cloud, dead_url)
    assert json.loads(letter["Body"]) == {"why": "never"}
    assert letter["MessageAttributes"] == {
        "RequestID": {"StringValue": request_id, "DataType": "String"},
        "ErrorCode": {"StringValue": "200", "DataType": "Number"},
        "ErrorMessage": {"StringValue": "never", "DataType": "String"},
    }


def test_a_topic_gets_a_success_and_a_dead_letter(cloud: Any, deploy: Any) -> None:
    url, arn = queue(cloud, "events-by-topic")
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="events-topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    works = deploy(WORKS)
    functions = cloud.client("lambda")
    functions.put_function_event_invoke_config(
        FunctionName=works, DestinationConfig={"OnSuccess": {"Destination": topic}}
    )
    send(cloud, works, {"n": 1})
    record = json.loads(json.loads(received(cloud, url)["Body"])["Message"])
    assert record["responsePayload"] == {"seen": {"n": 1}}
    cloud.client("sqs").purge_queue(QueueUrl=url)
    fails = deploy(FAILS, DeadLetterConfig={"TargetArn": topic})
    functions.put_function_event_invoke_config(FunctionName=fails, MaximumRetryAttempts=0)
    send(cloud, fails, {"why": "x"})
    letter = json.loads(received(cloud, url)["Body"])
    assert json.loads(letter["Message"]) == {"why": "x"}
    assert letter["MessageAttributes"]["ErrorMessage"] == {"Type": "String", "Value": "x"}


def test_a_destination_that_is_gone_is_said_in_the_log(cloud: Any, deploy: Any) -> None:
    name = deploy(WORKS)
    gone = "arn:aws:sqs:us-east-1:123456789012:events-gone"
    bus = "arn:aws:events:us-east-1:123456789012:event-bus/default"
    functions = cloud.client("lambda")
    for arn in (gone, bus):
        functions.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}
        )
        send(cloud, name, {})
        eventually(lambda arn=arn: f"not delivered: {arn}" in (cloud.state_dir / "logs/cloud.log").read_text())


def test_an_event_for_nobody_is_refused_at_once(cloud: Any) -> None:
    with pytest.raises(ClientError, match="Function not found"):
        send(cloud, "nobody", {})


SEEN = """
import boto3, json
def handle(event, context):
    boto3.client("sqs").send_message(QueueUrl=URL, MessageBody=json.dumps(event["Records"][0]))
"""


def test_a_topic_and_a_bucket_call_a_function(cloud: Any, deploy: Any) -> None:
    sqs, sns, s3, functions = (cloud.client(name) for name in ("sqs", "sns", "s3", "lambda"))
    url = sqs.create_queue(QueueName="seen-by-triggered")["QueueUrl"]
    name = deploy(f"URL = {url!r}\n{SEEN}")
    arn = functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    topic = sns.create_topic(Name=name)["TopicArn"]
    for service, source in (("sns", topic), ("s3", f"arn:aws:s3:::{name}")):
        functions.add_permission(
            FunctionName=name, StatementId=service, Action="lambda:InvokeFunction",
            Principal=f"{service}.amazonaws.com", SourceArn=source,
        )  # fmt: skip
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    s3.create_bucket(Bucket=name)
    configuration = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
    began_s = time.monotonic()
    sns.publish(TopicArn=topic, Message="hello")
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    seen: list[dict[str, Any]] = []

    def both() -> bool:
        messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ())
        seen.extend(json.loads(message["Body"]) for message in messages)
        return len(seen) == 2

    eventually(both)
    # The front tells the engine at once: without that it looks every five seconds.
    assert time.monotonic() - began_s < 4
    found = {one.get("EventSource") or one.get("eventSource"): one for one in seen}
    assert found["aws:sns"]["Sns"]["Message"] == "hello"
    assert found["aws:s3"]["s3"]["object"]["key"] == "k"
