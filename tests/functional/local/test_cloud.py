"""The local cloud as its users meet it: boto3 against one port."""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).parent))
from tests.functional.local.conftest import TRUST, archive, eventually

pytestmark = pytest.mark.cloud

WHO = """
import boto3, os
def handle(event, context):
    identity = boto3.client("sts").get_caller_identity()["Arn"]
    boto3.client("dynamodb").put_item(TableName=event["table"], Item={"pk": {"S": event["pk"]}, "sk": {"S": "x"}})
    print("hello from", context.function_name)
    return {"identity": identity, "version": context.function_version, "arn": context.invoked_function_arn}
"""


def test_a_function_reaches_aws_as_its_role(cloud: Any, deploy: Any, invoke: Any) -> None:
    name = deploy(WHO)
    table = cloud.outputs["TableName"]
    _, answer = invoke(name, {"table": table, "pk": f"test#{name}"})
    assert answer["identity"] == f"arn:aws:sts::123456789012:assumed-role/functional/{name}"
    item = cloud.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": f"test#{name}"}, "sk": {"S": "x"}})
    assert "Item" in item


def test_what_it_prints_is_in_cloudwatch_logs_and_in_a_file(cloud: Any, deploy: Any, invoke: Any) -> None:
    name = deploy(WHO)
    invoke(name, {"table": cloud.outputs["TableName"], "pk": f"test#{name}"})
    logs = cloud.client("logs")

    def printed() -> str:
        try:
            found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except ClientError:
            return ""
        text = "\n".join(event["message"] for event in found)
        return text if "REPORT" in text else ""

    text = eventually(printed)
    assert f"hello from {name}" in text
    assert "START RequestId" in text
    assert f"hello from {name}" in (cloud.state_dir / "logs" / f"{name}.log").read_text()


def test_a_change_is_seen_by_the_next_call(cloud: Any, deploy: Any, invoke: Any) -> None:
    text = "def handle(event, context): return {}\n"
    name = deploy(text.format(1))
    functions = cloud.client("lambda")
    assert invoke(name)[1] == 1
    functions.update_function_code(FunctionName=name, ZipFile=archive(text.format(2)), Publish=True)
    assert invoke(name)[1] == 2
    version = functions.list_versions_by_function(FunctionName=name)["Versions"][-1]["Version"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    functions.update_function_code(FunctionName=name, ZipFile=archive(text.format(3)), Publish=True)
    answer, value = invoke(f"{name}:live")
    assert (value, answer["ExecutedVersion"]) == (2, version)
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion=str(int(version) + 1))
    assert invoke(name, Qualifier="live")[1] == 3


def test_an_alias_goes_to_two_versions(cloud: Any, deploy: Any, invoke: Any) -> None:
    name = deploy("def handle(event, context): return context.function_version\n", Publish=True)
    functions = cloud.client("lambda")
    functions.update_function_configuration(FunctionName=name, MemorySize=320)
    functions.publish_version(FunctionName=name)
    functions.create_alias(
        FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
    )

    def executed() -> set[str]:
        answer, value = invoke(name, Qualifier="live")
        assert answer["ExecutedVersion"] == value
        return {value}

    assert set().union(*(executed() for _ in range(40))) == {"1", "2"}
    functions.update_alias(FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})
    assert set().union(*(executed() for _ in range(10))) == {"2"}


def test_a_reserved_concurrency_of_0_switches_a_function_off(cloud: Any, deploy: Any, invoke: Any) -> None:
    name = deploy("def handle(event, context): return 1\n")
    functions = cloud.client("lambda")
    assert invoke(name)[1] == 1
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(functions.exceptions.TooManyRequestsException) as caught:
        invoke(name)
    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    functions.delete_function_concurrency(FunctionName=name)
    assert invoke(name)[1] == 1


def test_an_unknown_function_is_lambda_s_404(cloud: Any) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("lambda").invoke(FunctionName="nobody")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


QUEUE = """
import json
def handle(event, context):
    for record in event["Records"]:
        print("GOT", record["body"])
    return {"batchItemFailures": [
        {"itemIdentifier": r["messageId"]} for r in event["Records"] if r["body"].startswith("bad")]}
"""


def queue(cloud: Any, name: str, **attributes: str) -> tuple[str, str]:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_a_queue_feeds_a_function_and_failures_reach_the_dead_letters(cloud: Any, deploy: Any) -> None:
    name = deploy(QUEUE, Timeout=1)
    sqs = cloud.client("sqs")
    dead_url, dead_arn = queue(cloud, f"{name}-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = queue(cloud, name, VisibilityTimeout="1", RedrivePolicy=redrive)
    functions = cloud.client("lambda")
    mapping = functions.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName=name,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": '{"body": [{"anything-but": {"suffix": "unwanted"}}]}'}]},
    )
    sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": str(n), "MessageBody": body} for n, body in enumerate(["good", "bad", "bad unwanted", "fine"])
        ],
    )
    letters = eventually(lambda: sqs.receive_message(QueueUrl=dead_url, WaitTimeSeconds=2).get("Messages"))
    assert [letter["Body"] for letter in letters] == ["bad"]
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (left["ApproximateNumberOfMessages"], left["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")
    functions.delete_event_source_mapping(UUID=mapping["UUID"])


STREAM = """
import boto3
def handle(event, context):
    sqs = boto3.client("sqs")
    for record in event["Records"]:
        keys = record["dynamodb"]["Keys"]["pk"]["S"]
        sqs.send_message(QueueUrl=URL, MessageBody=record["eventName"] + " " + keys)
"""


def test_a_stream_feeds_a_function_in_order(cloud: Any, deploy: Any) -> None:
    dynamodb, sqs = cloud.client("dynamodb"), cloud.client("sqs")
    url, _ = queue(cloud, "stream-seen")
    name = deploy(f"URL = {url!r}\n" + STREAM)
    table = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "before"}})
    mapping = cloud.client("lambda").create_event_source_mapping(
        EventSourceArn=table["LatestStreamArn"], FunctionName=name, StartingPosition="LATEST"
    )
    for pk in ("a", "b", "a"):
        dynamodb.put_item(TableName=name, Item={"pk": {"S": pk}, "at": {"N": str(time.time())}})
    dynamodb.delete_item(TableName=name, Key={"pk": {"S": "b"}})
    seen: list[str] = []

    def all_seen() -> bool:
        seen.extend(m["Body"] for m in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()))
        return len(seen) >= 4

    eventually(all_seen)
    assert seen == ["INSERT a", "INSERT b", "MODIFY a", "REMOVE b"]
    cloud.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_long_wait_holds_nobody_up_and_ends_with_a_message(cloud: Any) -> None:
    url, _ = queue(cloud, "long-wait", ReceiveMessageWaitTimeSeconds="20")
    sqs = cloud.client("sqs")
    received: list[Any] = []
    waiting = [
        threading.Thread(target=lambda: received.append(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20))),
        threading.Thread(
            target=lambda: received.append(sqs.receive_message(QueueUrl=url))
        ),  # the queue's own wait
    ]
    for thread in waiting:
        thread.start()
    # While they wait, others are answered …
    assert cloud.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert received == []
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    for thread in waiting:
        thread.join(10)
    assert sorted(answer["Messages"][0]["Body"] for answer in received) == ["one", "two"]


def test_a_topic_s_message_ends_a_wait_too(cloud: Any) -> None:
    url, arn = queue(cloud, "topic-wait")
    sns = cloud.client("sns")
    sns.subscribe(TopicArn=cloud.outputs["AlertsTopicArn"], Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=cloud.outputs["AlertsTopicArn"], Message="news")
    (message,) = cloud.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"])["Message"] == "news"


@pytest.mark.parametrize("path", ["/moto-api/reset", "/_services_ai/mappings", "/_services_ai/function"])
def test_private_paths_are_closed(cloud: Any, path: str) -> None:
    request = urllib.request.Request(cloud.endpoint + path, data=b"{}", headers={"x-services-ai-key": "guess"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 403


def test_the_environment_is_all_that_boto3_needs(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.env.items():
        monkeypatch.setenv(name, value)
    names = [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]]
    assert cloud.env["SERVICES_AI_BUCKET"] in names
    found = boto3.client("lambda").get_function(FunctionName=cloud.env["SERVICES_AI_DISPATCHER"])
    assert found["Configuration"]["State"] == "Active"


def test_status_tells_what_runs(cloud: Any) -> None:
    from infra.local import lifecycle

    activity = lifecycle.activity(cloud.info)
    sources = {one["function"].rpartition(":")[2] for one in activity["pollers"]}
    assert {"services-ai-recorder", "services-ai-notifier"} <= sources


COUNTED = """
def handle(event, context):
    if event:
        raise LookupError("no such\\nlead")
"""


def test_status_counts_calls_and_keeps_the_last_errors(cloud: Any, deploy: Any, invoke: Any) -> None:
    from infra.local import lifecycle

    name = deploy(COUNTED)
    for event in (None, None, 1):
        invoke(name, event)
    url, _ = queue(cloud, name)
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    activity = lifecycle.activity(cloud.info)
    (found,) = (one for one in activity["functions"] if one["function"] == name)
    assert (found["calls"], found["errors"], found["idle"], found["busy"]) == (3, 1, 1, 0)
    assert 0 < found["p50_ms"] <= found["p95_ms"]
    error = activity["errors"][0]
    assert (error["function"], error["type"], error["message"]) == (name, "LookupError", "no such")
    assert {"queue": name, "waiting": 1, "in_flight": 0, "delayed": 0} in activity["queues"]
    assert [one["memory_mb"] > 0 for one in activity["workers"] if one["function"] == name] == [True]
    assert activity["memory_mb"] == sum(one["memory_mb"] for one in activity["workers"])


STATUS = """
import urllib.request, urllib.error, os
def handle(event, context):
    try:
        return urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_services_ai/status").status
    except urllib.error.HTTPError as error:
        return error.code
"""


def test_functions_do_not_see_the_status_page(deploy: Any, invoke: Any) -> None:
    assert invoke(deploy(STATUS))[1] == 403


GREEDY = """
MOTO = "x-moto-account-id"
import boto3, os, time
from botocore.exceptions import ClientError
def handle(event, context):
    def attempt(service, operation, **arguments):
        client = boto3.client(service)
        if event.get("account"):
            client.meta.events.register(
                "before-send", lambda request, **_: request.headers.update({MOTO: event["account"]}))
        try:
            return getattr(client, operation)(**arguments) and "done"
        except ClientError as error:
            return error.response["Error"]["Code"]
    logs = {"logGroupName": context.log_group_name, "logStreamName": "mine"}
    other = {**logs, "logGroupName": "/aws/lambda/services-ai-dispatcher"}
    return {
        "who": boto3.client("sts").get_caller_identity()["Arn"],
        "stream": attempt("logs", "create_log_stream", **logs),
        "write": attempt("logs", "put_log_events", **logs,
                         logEvents=[{"timestamp": int(time.time() * 1000), "message": "by hand"}]),
        "other": attempt("logs", "create_log_stream", **other),
        "scan": attempt("dynamodb", "scan", TableName=event["table"]),
        "send": attempt("sqs", "send_message", QueueUrl=event["queue"], MessageBody="x"),
        "invoke": attempt("lambda", "invoke", FunctionName=event["function"]),
        "list": attempt("lambda", "list_functions"),
        "user": attempt("iam", "create_user", UserName="x"),
        "assume": attempt("sts", "assume_role", RoleArn=event["role"], RoleSessionName="xx"),
        "buckets": attempt("s3", "list_buckets"),
        "stack": attempt("cloudformation", "create_stack", StackName="x", TemplateBody="{}"),
        "topic": attempt("sns", "create_topic", Name="x"),
    }
"""


def test_a_plugin_may_write_to_its_own_log_and_do_nothing_else(cloud: Any, deploy: Any, invoke: Any) -> None:
    iam = cloud.client("iam")
    name = deploy(GREEDY)
    logs = f"arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/{name}:*"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": logs}
        ],
    }
    role = iam.create_role(
        RoleName=name, Path="/services-ai/plugins/", AssumeRolePolicyDocument=json.dumps(TRUST)
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    cloud.client("lambda").update_function_configuration(FunctionName=name, Role=role, Timeout=30)
    cloud.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
    event = {
        "table": cloud.outputs["TableName"],
        "queue": cloud.outputs["OutcomesQueueUrl"],
        "function": cloud.outputs["DispatcherFunctionName"],
        "role": role,
    }
    _, answer = invoke(name, event)
    assert answer == {
        "who": f"arn:aws:sts::123456789012:assumed-role/{name}/{name}",
        "stream": "done",
        "write": "done",
        **dict.fromkeys(("other", "scan", "invoke", "list"), "AccessDeniedException"),
        **dict.fromkeys(("user", "assume", "buckets", "stack", "send"), "AccessDenied"),
        "topic": "AuthorizationError",
    }
    _, answer = invoke(name, {**event, "account": "999999999999"})
    assert answer["stream"] == "ResourceAlreadyExistsException"  # in its own account, not in another


ELSEWHERE = """
import boto3
def handle(event, context):
    client = boto3.client("dynamodb")
    client.meta.events.register(
        "before-send", lambda request, **_: request.headers.update({"x-moto-account-id": "999999999999"}))
    return client.list_tables()["TableNames"]
"""


def test_no_function_acts_in_another_account(cloud: Any, deploy: Any, invoke: Any) -> None:
    assert cloud.outputs["TableName"] in invoke(deploy(ELSEWHERE))[1]
