"""Queues as their pollers and other callers meet them, and what Lambda refuses of an event source mapping."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.local.gaps import gap
from tests.contract.local.test_moto_patches import make_code

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def queue(moto: Any, name: str, **attributes: str) -> tuple[str, str]:
    sqs = moto.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def send(moto: Any, url: str, *names: str) -> None:
    """`a1` is a message of group a; `-1` of none."""
    for name in names:
        group = {} if name.startswith("-") else {"MessageGroupId": name[0]}
        moto.client("sqs").send_message(QueueUrl=url, MessageBody=name, **group)


def received(moto: Any, url: str, count: int = 10) -> list[str]:
    messages = moto.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=count).get("Messages", ())
    return [message["Body"] for message in messages]


def polled(moto: Any, arn: str, count: int = 10) -> list[dict[str, Any]]:
    status, answer = moto.ask("queue/receive", queue_arn=arn, max=count)
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["records"]
    return found


BUSY = [f"a{number}" for number in range(20)]


@gap("fair_groups", "AssertionError")
def test_fair_groups(moto: Any) -> None:
    url, arn = queue(moto, "fair")
    send(moto, url, *BUSY, "b1", "-1", "c1", "b2", "-2")
    # Each group's first, and those without one; then the second of each.
    assert received(moto, url, 5) == ["a0", "b1", "-1", "c1", "-2"]
    send(moto, url, "d1")
    # d has nothing in flight; a and b have one each.
    assert [record["body"] for record in polled(moto, arn, 4)] == ["d1", "a1", "b2", "a2"]
    send(moto, url, "e1", "b3")
    # In flight counts: three of a, two of b.
    assert received(moto, url, 3) == ["e1", "b3", "a3"]


def fifo(moto: Any, name: str) -> tuple[str, str, list[dict[str, Any]]]:
    """Two messages of a group, received once, and visible again."""
    url, arn = queue(moto, f"{name}.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    send(moto, url, "a1", "a2", "a3")
    first = polled(moto, arn, 2)
    moto.ask("queue/settle", queue_arn=arn, retry_s={record["receiptHandle"]: 1 for record in first})
    import time

    time.sleep(1.1)
    return url, arn, first


@gap("fifo_groups", "AssertionError")
def test_fifo_groups(moto: Any) -> None:
    _, arn, first = fifo(moto, "ordered")
    assert [record["body"] for record in first] == ["a1", "a2"]
    assert [record["body"] for record in polled(moto, arn)] == ["a1", "a2", "a3"]


def test_a_fifo_group_has_one_batch_at_a_time_and_others_go_on(moto: Any) -> None:
    url, arn = queue(moto, "groups.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    send(moto, url, *(f"a{number}" for number in range(12)), "b1")
    batch = polled(moto, arn)
    assert [record["body"] for record in batch] == [f"a{number}" for number in range(10)]
    assert [record["body"] for record in polled(moto, arn)] == ["b1"]
    moto.ask("queue/settle", queue_arn=arn, delete=[record["receiptHandle"] for record in batch])
    assert [record["body"] for record in polled(moto, arn)] == ["a10", "a11"]


def test_a_batch_that_waits_for_more_takes_no_more_than_fits(moto: Any) -> None:
    url, arn = queue(moto, "window")
    sqs = moto.client("sqs")
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1_000_000)
    answer = moto.ask("queue/receive", queue_arn=arn, max=100, used_bytes=4_000_000)[1]
    assert (len(answer["records"]), answer["more"]) == (1, True)


@pytest.fixture(scope="module")
def code(moto: Any) -> dict[str, str]:
    return make_code(moto)


@pytest.fixture(scope="module")
def function(moto: Any) -> Iterator[Any]:
    role = moto.client("iam").create_role(RoleName="sources", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("main.py", "def handle(event, context): pass\n")
    functions = moto.client("lambda")
    functions.create_function(
        FunctionName="sources", Runtime="python3.11", Role=role["Arn"], Handler="main.handle", Timeout=20,
        Code={"ZipFile": buffer.getvalue()}, Publish=True,
    )  # fmt: skip
    functions.create_alias(FunctionName="sources", Name="live", FunctionVersion="1")
    yield functions
    functions.delete_function(FunctionName="sources")


@pytest.fixture(scope="module")
def sources(moto: Any) -> dict[str, str]:
    dynamodb = moto.client("dynamodb")
    table = dynamodb.create_table(
        TableName="sources",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return {
        "queue": queue(moto, "sources")[1],
        "hasty": queue(moto, "hasty", VisibilityTimeout="19")[1],
        "fifo": queue(moto, "sources.fifo", FifoQueue="true")[1],
        "stream": table["TableDescription"]["LatestStreamArn"],
    }


BAD_PATTERN = {"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [{"wildcard": "*"}]}}'}]}}
LATEST = {"StartingPosition": "LATEST"}
INVALID, RANGE = "InvalidParameterValueException", "ValidationException"
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("queue", {"ScalingConfig": {"MaximumConcurrency": 1001}}, RANGE, "less than or equal to 1000"),
    ("queue", {"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1}, RANGE, "to 10000"),
    ("queue", {"BatchSize": 11}, INVALID, "must be greater than 0 if maximum batch size"),
    ("queue", {"MaximumBatchingWindowInSeconds": 301}, RANGE, "to 300"),
    ("queue", BAD_PATTERN, INVALID, "Invalid filter pattern definition. .filter 1: .*wildcard"),
    ("queue", LATEST, INVALID, "Unsupported parameters .* StartingPosition"),
    ("queue", {"MaximumRetryAttempts": 1}, INVALID, "MaximumRetryAttempts"),
    ("hasty", {}, INVALID, "visibility timeout: 19 seconds is less than Function timeout: 20"),
    ("fifo", {"BatchSize": 11}, INVALID, "FIFO"),
    ("fifo", {"MaximumBatchingWindowInSeconds": 1}, INVALID, "FIFO"),
    ("stream", {}, INVALID, "StartingPosition is required"),
    ("stream", {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1}, INVALID,
     "AT_TIMESTAMP is not supported"),
    ("stream", {**LATEST, "TumblingWindowInSeconds": 5}, INVALID, "no tumbling windows"),
    ("stream", {**LATEST, "MaximumRecordAgeInSeconds": 59}, INVALID, "at least 60"),
    ("stream", {**LATEST, "ParallelizationFactor": 11}, RANGE, "to 10"),
    ("stream", {**LATEST, "ScalingConfig": {"MaximumConcurrency": 2}}, INVALID, "SQS"),
    ("stream", {**LATEST, "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::b"}}},
     INVALID, "use a queue or a topic"),
    ("stream", {**LATEST, **BAD_PATTERN}, INVALID, "Invalid filter pattern definition"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "settings", "code", "text"), REFUSED)
def test_mapping_checks(
    function: Any, sources: dict[str, str], source: str, settings: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(ClientError, match=text) as refused:
        function.create_event_source_mapping(EventSourceArn=sources[source], FunctionName="sources", **settings)
    assert refused.value.response["Error"]["Code"] == code
    assert function.list_event_source_mappings(EventSourceArn=sources[source])["EventSourceMappings"] == []


def test_mapping_checks_hold_for_changes(function: Any, sources: dict[str, str]) -> None:
    made = function.create_event_source_mapping(
        EventSourceArn=sources["queue"], FunctionName="sources", ScalingConfig={"MaximumConcurrency": 2}
    )
    for change, text in (
        ({"BatchSize": 100}, "batch window"),
        ({"ScalingConfig": {"MaximumConcurrency": 5000}}, "1000"),
        (BAD_PATTERN, "wildcard"),
    ):
        with pytest.raises(ClientError, match=text):
            function.update_event_source_mapping(UUID=made["UUID"], **change)
    function.update_event_source_mapping(UUID=made["UUID"], BatchSize=100, MaximumBatchingWindowInSeconds=1)
    found = function.get_event_source_mapping(UUID=made["UUID"])
    assert (found["BatchSize"], found["ScalingConfig"]) == (100, {"MaximumConcurrency": 2})
    with pytest.raises(ClientError, match=f"already exists.*{made['UUID']}") as twice:
        function.create_event_source_mapping(EventSourceArn=sources["queue"], FunctionName="sources")
    assert twice.value.response["Error"]["Code"] == "ResourceConflictException"
    # Another alias is another mapping, and it is the alias that is called.
    other = function.create_event_source_mapping(EventSourceArn=sources["queue"], FunctionName="sources:live")
    assert other["FunctionArn"].endswith(":function:sources:live")
    for mapping in (made, other):
        function.delete_event_source_mapping(UUID=mapping["UUID"])


def add_function(moto: Any, name: str, code: dict[str, str]) -> str:
    role = moto.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    made = moto.client("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Role=role["Arn"], Handler="main.handle", Code=code
    )
    return str(made["FunctionArn"])


@gap("mapping_checks", "DID NOT RAISE ClientError")
def test_a_filter_that_is_no_pattern_is_refused(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    add_function(moto, "filtered", code)
    _, arn = queue(moto, "filtered")
    with pytest.raises(ClientError, match="wildcard"):
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="filtered", **BAD_PATTERN)


TOPIC = "arn:aws:sns:us-east-1:123456789012:triggers"


def permit(functions: Any, service: str, source: str, name: str = "sources") -> None:
    functions.add_permission(
        FunctionName=name, StatementId=service.partition(".")[0], Action="lambda:InvokeFunction",
        Principal=service, SourceArn=source,
    )  # fmt: skip


def triggered(moto: Any) -> list[tuple[str, dict[str, Any]]]:
    found = moto.ask("triggered")[1]
    return [(one["function_arn"].rpartition("function:")[2], json.loads(one["payload"])) for one in found]


@gap("triggers_delivered", "AssertionError")
def test_a_topic_s_message_waits_for_its_function(moto: Any, code: dict[str, str]) -> None:
    sns = moto.client("sns")
    topic = sns.create_topic(Name="waits")["TopicArn"]
    arn = add_function(moto, "waits", code)
    permit(moto.client("lambda"), "sns.amazonaws.com", topic, "waits")
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello")
    assert [name for name, _ in triggered(moto)] == ["waits"]


def test_triggers_delivered(moto: Any, function: Any) -> None:
    sns, s3 = moto.client("sns"), moto.client("s3")
    sns.create_topic(Name="triggers")
    arn = function.get_function(FunctionName="sources")["Configuration"]["FunctionArn"]
    subscription = sns.subscribe(
        TopicArn=TOPIC, Protocol="lambda", Endpoint=f"{arn}:live", Attributes={"FilterPolicy": '{"kind": ["x"]}'}
    )["SubscriptionArn"]
    kind = {"kind": {"DataType": "String", "StringValue": "x"}}
    sns.publish(TopicArn=TOPIC, Message="too early", MessageAttributes=kind)
    assert triggered(moto) == []
    assert f"{TOPIC} may not invoke {arn}:live: aws lambda add-permission --function-name sources" in moto.log
    permit(function, "sns.amazonaws.com", TOPIC)
    sns.publish(TopicArn=TOPIC, Message="unwanted")
    sent = sns.publish(TopicArn=TOPIC, Message="hé", Subject="s", MessageAttributes=kind)
    ((name, event),) = triggered(moto)
    assert name == "sources:live"
    (record,) = event["Records"]
    assert (record["EventSource"], record["EventSubscriptionArn"]) == ("aws:sns", subscription)
    shown = {key: record["Sns"][key] for key in ("Type", "MessageId", "TopicArn", "Subject", "Message")}
    assert shown == {
        "Type": "Notification", "MessageId": sent["MessageId"], "TopicArn": TOPIC, "Subject": "s", "Message": "hé",
    }  # fmt: skip
    assert record["Sns"]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "x"}}
    s3.create_bucket(Bucket="triggers")
    permit(function, "s3.amazonaws.com", "arn:aws:s3:::triggers")
    configuration = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="triggers", NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
    s3.put_object(Bucket="triggers", Key="a b", Body=b"x")
    ((name, event),) = triggered(moto)
    assert name == "sources"
    assert event["Records"][0]["eventName"] == "ObjectCreated:Put"
    assert triggered(moto) == [], "taken once"
