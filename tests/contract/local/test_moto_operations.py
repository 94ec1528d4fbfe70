"""What the engine asks of moto: functions, credentials, queues; and what stays closed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.names import described

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:resolved"


def archive(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(zipfile.ZipInfo("main.py"), text)  # one date: the same text is the same code
    return buffer.getvalue()


@pytest.fixture(scope="module")
def function(moto: Any) -> Any:
    """Version 1 with one text, version 2 (alias live) with another, $LATEST with a third, a layer, a profile."""
    role = moto.client("iam").create_role(
        RoleName="resolved", Path="/stack/plugins/", AssumeRolePolicyDocument=json.dumps(TRUST)
    )["Role"]["Arn"]
    functions = moto.client("lambda")
    layer = functions.publish_layer_version(LayerName="deps", Content={"ZipFile": archive("layer = 1\n")})
    functions.create_function(
        FunctionName="resolved", Runtime="python3.11", Role=role, Handler="main.handle", Timeout=7, MemorySize=256,
        Code={"ZipFile": archive("v = 1\n")}, Publish=True, Layers=[layer["LayerVersionArn"]],
        Environment={"Variables": {"KEY": "b"}},
    )  # fmt: skip
    functions.update_function_code(FunctionName="resolved", ZipFile=archive("v = 2\n"), Publish=True)
    functions.create_alias(FunctionName="resolved", Name="live", FunctionVersion="2")
    functions.update_function_code(FunctionName="resolved", ZipFile=archive("v = 3\n"))
    return functions


def code_of(record: dict[str, Any]) -> str:
    content = Path(record["code"]["path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == record["code"]["sha256"]
    return zipfile.ZipFile(io.BytesIO(content)).read("main.py").decode()


@pytest.mark.parametrize(
    ("reference", "qualifier", "version", "text"),
    [
        ("resolved", None, "$LATEST", "v = 3\n"),
        ("resolved", "$LATEST", "$LATEST", "v = 3\n"),
        ("resolved", "1", "1", "v = 1\n"),
        ("resolved", "live", "2", "v = 2\n"),
        ("resolved:live", None, "2", "v = 2\n"),
        (ARN, None, "$LATEST", "v = 3\n"),
        (f"{ARN}:1", None, "1", "v = 1\n"),
        (f"{ARN}:live", "live", "2", "v = 2\n"),
        ("123456789012:function:resolved:live", None, "2", "v = 2\n"),
    ],
)
def test_resolves(
    moto: Any, function: Any, reference: str, qualifier: str | None, version: str, text: str
) -> None:
    status, record = moto.ask("function", function=reference, qualifier=qualifier)
    assert status == 200, record
    assert (record["version"], code_of(record)) == (version, text)
    assert record["function_arn"] == ARN
    assert record["role_arn"] == "arn:aws:iam::123456789012:role/stack/plugins/resolved"
    assert (record["timeout_s"], record["memory_mb"], record["environment"]) == (7, 256, {"KEY": "b"})
    assert len(record["layers"]) == 1
    assert record["profile"] is None


@pytest.mark.parametrize(
    ("reference", "qualifier", "status", "code"),
    [
        ("nobody", None, 404, "ResourceNotFoundException"),
        ("resolved", "7", 404, "ResourceNotFoundException"),
        ("resolved", "nowhere", 404, "ResourceNotFoundException"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:resolved", None, 404, "ResourceNotFoundException"),
        ("arn:aws:lambda:us-east-1:210987654321:function:resolved", None, 404, "ResourceNotFoundException"),
        (f"{ARN}:live", "1", 400, "InvalidParameterValueException"),
        ("../etc/passwd", None, 400, "ValidationException"),
        ("resolved:a:b", None, 400, "ValidationException"),
        ("x" * 200, None, 400, "ValidationException"),
        ("", None, 400, "ValidationException"),
    ],
)
def test_refuses(moto: Any, function: Any, reference: str, qualifier: str | None, status: int, code: str) -> None:
    got, answer = moto.ask("function", function=reference, qualifier=qualifier)
    assert (got, answer["code"]) == (status, code)


def test_the_revision_follows_code_and_configuration(moto: Any, function: Any) -> None:
    def revision() -> str:
        return str(moto.ask("function", function="resolved")[1]["revision"])

    first = revision()
    assert revision() == first
    function.update_function_configuration(FunctionName="resolved", Environment={"Variables": {"KEY": "c"}})
    second = revision()
    function.update_function_code(FunctionName="resolved", ZipFile=archive("v = 4\n"))
    assert len({first, second, revision()}) == 3
    function.update_function_configuration(FunctionName="resolved", Environment={"Variables": {"KEY": "b"}})
    function.update_function_code(FunctionName="resolved", ZipFile=archive("v = 3\n"))
    assert revision() == first


def test_a_profile_comes_from_the_artifact_bucket(moto: Any, function: Any) -> None:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="artifacts")
    s3.put_object(Bucket="artifacts", Key="profiles/p.json", Body=b'{"processes_max": 16}')
    s3.put_object(Bucket="artifacts", Key="profiles/bad.json", Body=b"[]")
    for key, bucket, expected in (
        ("profiles/p.json", "artifacts", {"processes_max": 16}),
        ("profiles/bad.json", "artifacts", None),
        ("profiles/absent.json", "artifacts", None),
        ("profiles/p.json", "", None),
    ):
        function.tag_resource(Resource=ARN, Tags={"sandbox-profile": key})
        status, answer = moto.ask("function", function="resolved", profile_bucket=bucket)
        if expected is None:
            assert (status, answer["code"]) == (500, "ServiceException"), key
        else:
            assert answer["profile"] == expected
    function.untag_resource(Resource=ARN, TagKeys=["sandbox-profile"])


def test_a_version_has_the_profile_that_its_description_names(moto: Any, function: Any) -> None:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="artifacts")
    s3.put_object(Bucket="artifacts", Key="profiles/one.json", Body=b'{"tmp_size_mb": 11}')
    s3.put_object(Bucket="artifacts", Key="profiles/two.json", Body=b'{"tmp_size_mb": 22}')

    def profile(qualifier: str) -> Any:
        status, answer = moto.ask("function", function="resolved", qualifier=qualifier, profile_bucket="artifacts")
        assert status == 200, answer
        return answer["profile"]

    def published(name: str) -> str:
        function.update_function_configuration(FunctionName="resolved", Environment={"Variables": {"NAME": name}})
        description = described(name, f"profiles/{name}.json")
        return str(function.publish_version(FunctionName="resolved", Description=description)["Version"])

    first, second = published("one"), published("two")
    assert first != second
    assert (profile(first), profile(second)) == ({"tmp_size_mb": 11}, {"tmp_size_mb": 22})


def test_credentials_act_as_the_role(moto: Any, function: Any) -> None:
    role = "arn:aws:iam::123456789012:role/stack/plugins/resolved"
    status, found = moto.ask("credentials", role_arn=role, session_name="resolved", duration_s=3600)
    assert status == 200
    sts = moto.client("sts")
    sts._request_signer._credentials.access_key = found["access_key_id"]
    assert sts.get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/resolved/resolved"
    again = moto.ask("credentials", role_arn=role, session_name="resolved", duration_s=3600)[1]
    assert again["access_key_id"] != found["access_key_id"]
    status, answer = moto.ask("credentials", role_arn=role + "x", session_name="s", duration_s=3600)
    assert (status, answer["code"]) == (403, "AccessDeniedException")


def test_queue_records_are_as_lambda_delivers_them(moto: Any) -> None:
    sqs = moto.client("sqs")
    dead = sqs.create_queue(QueueName="ops-dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url = sqs.create_queue(QueueName="ops", Attributes={"VisibilityTimeout": "30", "RedrivePolicy": redrive})[
        "QueueUrl"
    ]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.send_message(
        QueueUrl=url,
        MessageBody="hé",
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "x"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )
    answer = moto.ask("queue/receive", queue_arn=arn, max=10)[1]
    (record,) = answer["records"]
    assert record["body"] == "hé"
    assert record["md5OfBody"] == hashlib.md5("hé".encode()).hexdigest()
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["kind"]["stringValue"] == "x"
    assert record["messageAttributes"]["raw"]["binaryValue"] == "AP8="
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == ("aws:sqs", arn, "us-east-1")
    # Invisible now, and it says until when.
    again = moto.ask("queue/receive", queue_arn=arn, max=10)[1]
    assert again["records"] == []
    assert again["next_visible_ms"] > 0
    moto.ask("queue/settle", queue_arn=arn, retry_s={record["receiptHandle"]: 0})
    (second,) = moto.ask("queue/receive", queue_arn=arn, max=10)[1]["records"]
    assert second["attributes"]["ApproximateReceiveCount"] == "2"
    moto.ask("queue/settle", queue_arn=arn, retry_s={second["receiptHandle"]: 0})
    # Twice received and not deleted: it has gone to the dead letters.
    assert moto.ask("queue/receive", queue_arn=arn, max=10)[1]["records"] == []
    (letter,) = moto.ask("queue/receive", queue_arn=dead_arn, max=10)[1]["records"]
    assert letter["body"] == "hé"
    moto.ask("queue/settle", queue_arn=dead_arn, delete=[letter["receiptHandle"], "unknown"])
    assert (
        sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"][
            "ApproximateNumberOfMessagesNotVisible"
        ]
        == "0"
    )


def test_a_queue_without_invisibility_gives_a_message_once_a_batch(moto: Any) -> None:
    sqs = moto.client("sqs")
    url = sqs.create_queue(QueueName="visible", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert len(moto.ask("queue/receive", queue_arn=arn, max=100)[1]["records"]) == 1


def test_a_batch_fits_a_payload(moto: Any) -> None:
    sqs = moto.client("sqs")
    url = sqs.create_queue(QueueName="large")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for _ in range(9):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1_000_000)
    answer = moto.ask("queue/receive", queue_arn=arn, max=100)[1]
    assert 4 <= len(answer["records"]) <= 6
    assert answer["more"]


def test_a_log_group_keeps_its_latest_lines(moto: Any) -> None:
    from infra.local.moto_ops.logs import GROUP_EVENTS_MAX

    now_ms = int(time.time() * 1000)
    number, batch = 0, 2500
    for stream in ("one", "two") * 5:
        events = [{"timestamp": now_ms + number + one, "message": f"{number + one}"} for one in range(batch)]
        number += batch
        moto.ask("logs", batches=[{"group": "/full", "stream": stream, "events": events}])
    logs = moto.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/full")
    kept = sorted(int(event["message"]) for page in pages for event in page["events"])
    assert GROUP_EVENTS_MAX <= len(kept) <= GROUP_EVENTS_MAX * 1.1 + batch
    assert kept == list(range(number - len(kept), number))
    assert [one["logStreamName"] for one in logs.describe_log_streams(logGroupName="/full")["logStreams"]] == [
        "one",
        "two",
    ]


def test_logs_make_what_is_missing(moto: Any) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now + 1, "message": "second"}, {"timestamp": now, "message": "first"}]
    assert moto.ask("logs", batches=[{"group": "/aws/lambda/new", "stream": "s", "events": events}])[0] == 200
    found = moto.client("logs").get_log_events(
        logGroupName="/aws/lambda/new", logStreamName="s", startFromHead=True
    )
    assert [event["message"] for event in found["events"]] == ["first", "second"]


@pytest.mark.parametrize("key", ["", "front", "wrong"])
def test_operations_are_closed_without_their_key(moto: Any, key: str) -> None:
    assert moto.request("POST", "/_services_ai/mappings", b"{}", key)[0] == 403


@pytest.mark.parametrize("path", ["/moto-api/state", "/%6doto-api/state", "/moto-api/data.json"])
def test_moto_has_no_open_api(moto: Any, path: str) -> None:
    assert moto.request("GET", path, key="front")[0] == 403


def test_aws_is_closed_without_the_front_s_key(moto: Any) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{moto.port}/some-bucket")
    assert caught.value.code == 403


def test_a_conditional_put_is_honoured_and_keys_keep_their_slashes(moto: Any) -> None:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="conditional")
    key = "a/%2F b/ü"
    s3.put_object(Bucket="conditional", Key=key, Body=b"x" * 1234, IfNoneMatch="*", Metadata={"my_key": "v"})
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="conditional", Key=key, Body=b"y", IfNoneMatch="*")
    head = s3.head_object(Bucket="conditional", Key=key)
    assert (head["ContentLength"], head["Metadata"]) == (1234, {"my_key": "v"})
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="conditional")["Contents"]] == [key]


def test_policies_of_a_role(moto: Any) -> None:
    def document(action: str, effect: str = "Allow") -> dict[str, Any]:
        statement = {"Effect": effect, "Action": action, "Resource": "*"}
        return {"Version": "2012-10-17", "Statement": [statement]}

    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    resources = {
        "Boundary": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": "bound", "PolicyDocument": document("logs:*")},
        }
    }
    arn = moto.deploy("bounds", resources, {"Arn": {"Ref": "Boundary"}})["Arn"]
    iam = moto.client("iam")
    managed = iam.create_policy(PolicyName="extra", PolicyDocument=json.dumps(document("s3:GetObject")))["Policy"]
    role = iam.create_role(
        RoleName="bounded", AssumeRolePolicyDocument=json.dumps(trust), PermissionsBoundary=arn, Path="/s/plugins/"
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="bounded", PolicyName="p", PolicyDocument=json.dumps(document("sqs:*", "Deny")))
    iam.attach_role_policy(RoleName="bounded", PolicyArn=managed["Arn"])
    status, found = moto.ask("iam/role", role_arn=role, session_name="f")
    assert status == 200
    assert found["arn"] == "arn:aws:sts::123456789012:assumed-role/bounded/f"
    named = {name: json.loads(policy) for name, policy in found["identity"]}
    assert named == {"policy p": document("sqs:*", "Deny"), "policy extra": document("s3:GetObject")}
    name, boundary = found["boundary"]
    assert (name, boundary if isinstance(boundary, dict) else json.loads(boundary)) == (
        "permissions boundary",
        document("logs:*"),
    )
    assert moto.ask("iam/role", role_arn=role + "x")[0] == 404
    iam.delete_role_permissions_boundary(RoleName="bounded")
    assert moto.ask("iam/role", role_arn=role)[1]["boundary"] is None


def test_whose_a_key_is(moto: Any) -> None:
    iam, sts = moto.client("iam"), moto.client("sts")
    iam.create_user(UserName="keyed", Tags=[{"Key": "team", "Value": "red"}])
    key = iam.create_access_key(UserName="keyed")["AccessKey"]["AccessKeyId"]
    found = moto.ask("iam/caller", access_key=key)[1]
    assert (found["arn"], found["tags"]) == ("arn:aws:iam::123456789012:user/keyed", {"team": "red"})
    iam.create_role(RoleName="worn", AssumeRolePolicyDocument="{}", Tags=[{"Key": "team", "Value": "red"}])
    worn = "arn:aws:iam::123456789012:role/worn"
    key = sts.assume_role(RoleArn=worn, RoleSessionName="me", Policy="{}")["Credentials"]["AccessKeyId"]
    found = moto.ask("iam/caller", access_key=key)[1]
    assert (found["arn"], found["role_arn"]) == ("arn:aws:sts::123456789012:assumed-role/worn/me", worn)
    assert (found["session"], found["tags"], found["expires_at_s"] > 0) == ("{}", {"team": "red"}, True)
    assert moto.ask("iam/caller", access_key="AKIAIOSFODNN7EXAMPLE")[0] == 403


PENDING = """
import json, sys
from pathlib import Path
from infra.local.moto_main import make_app
from infra.local.moto_ops import OperationFailed
from infra.local.moto_ops.functions import ACCOUNT_ID, REGION, describe_function
make_app("front", "private", Path(sys.argv[1]), lambda: None)
from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends
role = iam_backends[ACCOUNT_ID]["aws"].create_role("r", "{}", "/", None, "", [], "3600")
function = lambda_backends[ACCOUNT_ID][REGION].create_function(
    {"FunctionName": "f", "Role": role.arn, "Runtime": "python3.11", "Handler": "m.h",
     "Code": {"ZipFile": sys.argv[2]}})
for function.state in ("Pending", "Failed", "Active"):
    try:
        print(json.dumps(describe_function(Path(sys.argv[1]), {"function": "f"})["version"]))
    except OperationFailed as error:
        print(json.dumps([error.status, error.code, str(error)]))
"""


def test_a_function_that_is_not_active_yet_is_not_invoked(tmp_path: Path) -> None:
    """moto's own functions are active at once: whoever makes one wait finds the refusal here."""
    code = base64.b64encode(archive("x = 1\n")).decode()
    command = [sys.executable, "-c", PENDING, str(tmp_path), code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    text = "The operation cannot be performed at this time. The function is currently in the following state: "
    assert found == [
        [409, "ResourceConflictException", f"{text}Pending"],
        [409, "ResourceConflictException", f"{text}Failed"],
        "$LATEST",
    ], done.stderr
