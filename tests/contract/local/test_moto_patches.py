"""Each of moto's gaps that we close: these fail without the patch of the same name."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.local.gaps import gap

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}


def archive(text: str = "def handle(event, context): pass\n") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("main.py", text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def code(moto: Any) -> dict[str, str]:
    return make_code(moto)


def make_code(moto: Any) -> dict[str, str]:
    """Where functions' code is in this moto."""
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="patch-code")
    s3.put_object(Bucket="patch-code", Key="code.zip", Body=archive())
    s3.put_object(Bucket="patch-code", Key="code2.zip", Body=archive("x = 2\n"))
    return {"S3Bucket": "patch-code", "S3Key": "code.zip"}


def table(moto: Any, name: str) -> tuple[Any, str]:
    dynamodb = moto.client("dynamodb")
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return dynamodb, made["TableDescription"]["LatestStreamArn"]


def records(moto: Any, arn: str, after: str = "") -> list[dict[str, Any]]:
    status, answer = moto.ask("stream/read", stream_arn=arn, after=after, limit=100)
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["records"]
    return found


@gap("instance_tracking", r"'1.n' == '0.n'")
def test_instance_tracking(moto: Any) -> None:
    printed = moto.python("""
from moto.sqs.models import Message
Message("id", "body")
print(len(getattr(Message, "instances_tracked", ())))
""")
    assert printed == "0\n"


@gap("functions_not_run", "'2' == '1'")
def test_functions_not_run(moto: Any, code: dict[str, str]) -> None:
    role = moto.client("iam").create_role(RoleName="trigger", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
        "Arn"
    ]
    functions = moto.client("lambda")
    function = functions.create_function(
        FunctionName="trigger", Runtime="python3.11", Role=role, Handler="main.handle", Code=code
    )
    sqs = moto.client("sqs")
    queue = sqs.create_queue(QueueName="trigger")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="trigger")
    sns = moto.client("sns")
    topic = sns.create_topic(Name="trigger")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function["FunctionArn"])
    sns.publish(TopicArn=topic, Message="x")  # does not fail, and does not call back
    sqs.send_message(QueueUrl=queue, MessageBody="mine")
    # moto's own trigger would have received, and on failure counted, the message.
    status, answer = moto.ask("queue/receive", queue_arn=arn, max=10)
    assert status == 200
    (received,) = answer["records"]
    assert received["attributes"]["ApproximateReceiveCount"] == "1"
    assert [m["EventSourceArn"] for m in moto.ask("mappings")[1] if m["EventSourceArn"] == arn] == [arn]


@gap("function_properties", "assert 0 == 1")
def test_function_properties(moto: Any, code: dict[str, str]) -> None:
    def resources(memory: int) -> dict[str, Any]:
        return {
            "Role": ROLE,
            "Layer": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"LayerName": "props", "Content": code}},
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "props",
                    "Code": code,
                    "Handler": "main.handle",
                    "Runtime": "python3.11",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Layers": [{"Ref": "Layer"}],
                    "Architectures": ["arm64"],
                    "EphemeralStorage": {"Size": 1024},
                    "Tags": [{"Key": "sandbox-profile", "Value": "k"}],
                    "Environment": {"Variables": {"NUMBER": 5}},
                    "LoggingConfig": {"LogGroup": "/elsewhere", "LogFormat": "JSON"},
                    "MemorySize": memory,
                },
            },
        }

    moto.deploy("props", resources(256))
    for memory in (256, 512):
        if memory == 512:
            moto.update("props", resources(512))
        found = moto.client("lambda").get_function(FunctionName="props")
        assert found["Configuration"]["MemorySize"] == memory
        assert len(found["Configuration"]["Layers"]) == 1
        assert found["Configuration"]["Architectures"] == ["arm64"]
        assert found["Configuration"]["EphemeralStorage"] == {"Size": 1024}
        assert found["Configuration"]["Environment"]["Variables"] == {"NUMBER": "5"}
        assert found["Tags"] == {"sandbox-profile": "k"}
        assert found["Configuration"]["LoggingConfig"]["LogGroup"] == "/elsewhere"
        assert found["Configuration"]["LoggingConfig"]["LogFormat"] == "JSON"
        assert moto.ask("function", function="props", profile_bucket="")[1]["code"] == "ServiceException"
    moto.client("lambda").untag_resource(
        Resource="arn:aws:lambda:us-east-1:123456789012:function:props", TagKeys=["sandbox-profile"]
    )
    assert moto.ask("function", function="props")[1]["log_group"] == "/elsewhere"


@gap("logging_config", "KeyError: .LoggingConfig|AssertionError")
def test_logging_config(moto: Any, code: dict[str, str]) -> None:
    lambda_ = moto.client("lambda")
    made = {"Runtime": "python3.11", "Role": role_of(moto, "logged"), "Handler": "main.handle", "Code": code}
    text = lambda_.create_function(FunctionName="logged", **made)["LoggingConfig"]
    assert text == {"LogFormat": "Text", "LogGroup": "/aws/lambda/logged"}
    wanted = {"LogFormat": "JSON", "SystemLogLevel": "WARN", "LogGroup": "/elsewhere"}
    shown = {**wanted, "ApplicationLogLevel": "INFO"}
    assert lambda_.create_function(FunctionName="logged2", LoggingConfig=wanted, **made)["LoggingConfig"] == shown
    changed = lambda_.update_function_configuration(FunctionName="logged", LoggingConfig=wanted)
    assert changed["LoggingConfig"] == shown
    version = lambda_.publish_version(FunctionName="logged")["Version"]
    more = {"ApplicationLogLevel": "DEBUG"}
    lambda_.update_function_configuration(FunctionName="logged", LoggingConfig=more)
    lambda_.update_function_configuration(FunctionName="logged", Timeout=9)
    found = lambda_.get_function(FunctionName="logged")["Configuration"]["LoggingConfig"]
    assert found == {**shown, **more}
    old = lambda_.get_function_configuration(FunctionName="logged", Qualifier=version)
    assert old["LoggingConfig"] == shown
    record = moto.ask("function", function="logged")[1]
    assert record["log_group"] == "/elsewhere"
    assert record["logging"] == {"format": "JSON", "application_level": "DEBUG", "system_level": "WARN"}
    back = lambda_.update_function_configuration(FunctionName="logged", LoggingConfig={"LogFormat": "Text"})
    assert back["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/elsewhere"}
    for wrong, said in (
        ({"ApplicationLogLevel": "INFO"}, "LogLevel is not supported when LogFormat is set to"),
        ({"LogFormat": "XML"}, r"enum value set: \[JSON, Text\]"),
        ({"LogFormat": "JSON", "SystemLogLevel": "ERROR"}, r"enum value set: \[DEBUG, INFO, WARN\]"),
        ({"LogGroup": "no spaces"}, "regular expression pattern"),
    ):
        with pytest.raises(ClientError, match=said):
            lambda_.update_function_configuration(FunctionName="logged", LoggingConfig=wrong)
        with pytest.raises(ClientError, match=said):
            lambda_.create_function(FunctionName="logged3", LoggingConfig=wrong, **made)
    assert lambda_.get_function_configuration(FunctionName="logged")["LoggingConfig"] == back["LoggingConfig"]


def role_of(moto: Any, name: str) -> str:
    made = moto.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    return str(made["Role"]["Arn"])


TOLD = "arn:aws:sqs:us-east-1:123456789012:told"
OTHER = "arn:aws:sns:us-east-1:123456789012:other"


def zeros(size_bytes: int) -> bytes:
    """A small zip of a large file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, file.open("zeros", "w") as entry:
        chunk = bytes(1_000_000)
        for start in range(0, size_bytes, len(chunk)):
            entry.write(chunk[: size_bytes - start])
    return buffer.getvalue()


@gap("function_limits", "DID NOT RAISE InvalidParameterValueException")
def test_function_limits(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    role = role_of(moto, "limited")
    number = iter(range(100))

    def create(**more: Any) -> str:
        name = f"limited-{next(number)}"
        functions.create_function(
            FunctionName=name, Runtime="python3.11", Role=role, Handler="main.handle", **{"Code": code, **more}
        )
        return name

    def variables(size_bytes: int) -> dict[str, Any]:
        empty = len('{"AB":""}')
        return {"Variables": {"AB": "x" * (size_bytes - empty)}}

    def refused(why: str, change: Any, *args: Any, **more: Any) -> None:
        with pytest.raises(functions.exceptions.InvalidParameterValueException, match=re.escape(why)):
            change(*args, **more)

    name = create(Environment=variables(4096))
    configure = functions.update_function_configuration
    too_long = "exceeded the 4KB limit. String measured: {"
    refused(too_long, create, Environment=variables(4097))
    refused(too_long, create, Environment={"Variables": {"AB": "ä" * 2045}})
    refused(
        "Reserved keys used in this request: AWS_REGION", create, Environment={"Variables": {"AWS_REGION": "x"}}
    )
    refused(too_long, configure, FunctionName=name, Timeout=9, Environment=variables(4097))

    def layer(layer_name: str, content: bytes) -> str:
        made = functions.publish_layer_version(LayerName=layer_name, Content={"ZipFile": content})
        return str(made["LayerVersionArn"])

    six = [layer(f"limited-{each}", archive()) for each in range(6)]
    create(Layers=six[:5])
    refused("Cannot reference more than 5 layers.", create, Layers=six)
    refused("Cannot reference more than 5 layers.", configure, FunctionName=name, Timeout=9, Layers=six)
    assert functions.get_function_configuration(FunctionName=name)["Timeout"] == 3

    large = zeros(262_143_999)
    over = zeros(262_144_000)
    smaller = "Unzipped size must be smaller than 262144000 bytes"
    refused(smaller, create, Code={"ZipFile": over})
    refused(smaller, functions.update_function_code, FunctionName=name, ZipFile=over)
    refused(smaller, layer, "limited-large", over)
    combined = "exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144001 bytes."
    two, one = layer("limited-two", zeros(2)), layer("limited-one", zeros(1))
    refused(combined, create, Code={"ZipFile": large}, Layers=[two])
    full = create(Code={"ZipFile": large}, Layers=[one])
    digest = functions.get_function_configuration(FunctionName=full)["CodeSha256"]
    refused(combined, configure, FunctionName=full, Layers=[two])
    functions.update_function_code(FunctionName=full, ZipFile=archive())
    configure(FunctionName=full, Layers=[two])
    small = functions.get_function_configuration(FunctionName=full)["CodeSha256"]
    refused(combined, functions.update_function_code, FunctionName=full, ZipFile=large)
    assert functions.get_function_configuration(FunctionName=full)["CodeSha256"] == small != digest
    configure(FunctionName=full, Layers=[two, one])
    refused("Could not unzip uploaded file", create, Code={"ZipFile": b"none"})

    resources = {
        "Role": ROLE,
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "limited-cfn",
                "Code": code,
                "Handler": "main.handle",
                "Runtime": "python3.11",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Layers": six,
            },
        },
    }
    with pytest.raises(ClientError, match="Cannot reference more than 5 layers"):
        moto.deploy("limited", resources)


@gap("requests_follow_the_model", "DID NOT RAISE ClientError")
def test_requests_follow_the_model(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    role = role_of(moto, "modelled")
    asked = {"Runtime": "python3.11", "Role": role, "Handler": "main.handle", "Code": code}
    for change, why in (
        (
            {"MemorySize": 10_241},
            "Value '10241' at 'memorySize' failed to satisfy constraint: Member must have value",
        ),
        (
            {"Timeout": 901},
            "'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
        ),
        ({"EphemeralStorage": {"Size": 10_241}}, "Value '10241' at 'ephemeralStorage.size'"),
        (
            {"Environment": {"Variables": {"1A": "x"}}},
            "at 'environment.variables' failed to satisfy constraint: Map",
        ),
        ({"Runtime": "python2.6"}, "Member must satisfy enum value set: [nodejs"),
        (
            {"FunctionName": "a b"},
            "Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy",
        ),
        ({"FunctionName": "n" * 65}, "Member must have length less than or equal to 64"),
    ):
        with pytest.raises(ClientError, match=re.escape(why)) as caught:
            functions.create_function(**{"FunctionName": "modelled", **asked, **change})
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    functions.create_function(FunctionName="modelled", **asked, MemorySize=10_240, Timeout=900)
    for ask in (
        lambda: functions.list_functions(FunctionVersion="SOME"),
        lambda: functions.list_functions(MaxItems=10_001),
        lambda: functions.get_layer_version_by_arn(Arn="nowhere"),
        lambda: functions.get_function(FunctionName="modelled", Qualifier="a b"),
    ):
        with pytest.raises(ClientError, match="1 validation error detected"):
            ask()
    arn = functions.get_function_configuration(FunctionName="modelled")["FunctionArn"]
    functions.tag_resource(Resource=arn, Tags={"ä b": "c/d"})


@gap("lambda_answers", "Z.*[+]0000|assert None")
def test_lambda_answers(moto: Any, code: dict[str, str]) -> None:
    made = made_with(moto, code, "answers")
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.\d{3}\+0000", made["LastModified"])
    queue = moto.client("sqs").create_queue(QueueName="answers")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:123456789012:{queue.rpartition('/')[2]}"
    mapping = moto.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName="answers")
    assert mapping["ResponseMetadata"]["HTTPStatusCode"] == 202
    moto.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


@gap("alias_routing", "DID NOT RAISE ClientError")
def test_alias_routing(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    functions.create_function(
        FunctionName="routed", Runtime="python3.11", Role=role_of(moto, "routed"), Handler="main.handle",
        Code=code, Publish=True,
    )  # fmt: skip
    for memory in (256, 512):
        functions.update_function_configuration(FunctionName="routed", MemorySize=memory)
        functions.publish_version(FunctionName="routed")

    def create(version: str, shares: dict[str, float]) -> Any:
        routing = {"AdditionalVersionWeights": shares}
        return functions.create_alias(
            FunctionName="routed", Name="live", FunctionVersion=version, RoutingConfig=routing
        )

    for version, shares, why in (
        ("1", {"9": 0.1}, "Function not found"),
        ("1", {"2": 1.1}, "between 0.0 and 1.0"),
        ("1", {"$LATEST": 0.1}, "regular expression"),
        ("$LATEST", {"2": 0.1}, "not supported for an alias"),
        ("1", {"2": 0.1, "3": 0.1}, "greater than 1"),
        ("1", {"1": 0.1}, "already included"),
    ):
        with pytest.raises(ClientError, match=re.escape(why)):
            create(version, shares)
    create("1", {"2": 0.25})

    def routes(qualifier: str | None) -> Any:
        return moto.ask("function", function="routed", qualifier=qualifier)[1]["routes"]

    assert routes("live") == [["2", 0.25]]
    assert routes(None) == routes("1") == []
    with pytest.raises(ClientError, match="already included"):
        functions.update_alias(FunctionName="routed", Name="live", FunctionVersion="2")
    functions.update_alias(FunctionName="routed", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert routes("live") == []
    functions.update_alias(FunctionName="routed", Name="live", FunctionVersion="2")


def made_with(moto: Any, code: dict[str, str], name: str, **more: Any) -> Any:
    """A function."""
    return moto.client("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Role=role_of(moto, name), Handler="main.handle", Code=code, **more
    )


@gap("revisions", "KeyError: 'RevisionId'")
def test_revisions(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    first = made_with(moto, code, "revised")
    assert functions.get_function_configuration(FunctionName="revised")["RevisionId"] == first["RevisionId"]
    second = functions.update_function_configuration(
        FunctionName="revised", Timeout=9, RevisionId=first["RevisionId"]
    )
    third = functions.update_function_code(
        FunctionName="revised", S3Bucket=code["S3Bucket"], S3Key="code2.zip", RevisionId=second["RevisionId"]
    )
    assert len({one["RevisionId"] for one in (first, second, third)}) == 3
    for change in (
        lambda: functions.update_function_configuration(
            FunctionName="revised", Timeout=8, RevisionId=second["RevisionId"]
        ),
        lambda: functions.publish_version(FunctionName="revised", RevisionId=second["RevisionId"]),
    ):
        with pytest.raises(functions.exceptions.PreconditionFailedException):
            change()
    with pytest.raises(ClientError, match="is different from current CodeSHA256"):
        functions.publish_version(FunctionName="revised", CodeSha256=first["CodeSha256"])
    published = functions.publish_version(FunctionName="revised", CodeSha256=third["CodeSha256"])
    assert published["RevisionId"] != third["RevisionId"]
    assert functions.publish_version(FunctionName="revised")["RevisionId"] == published["RevisionId"]


@gap("versions_and_aliases", "'2' == '1'")
def test_versions_and_aliases(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    made_with(moto, code, "versioned")
    functions.update_function_configuration(FunctionName="versioned", Timeout=9)
    for _ in range(2):
        assert functions.publish_version(FunctionName="versioned")["Version"] == "1"

    def publish(text: str) -> str:
        functions.update_function_configuration(FunctionName="versioned", Description=text)
        return str(functions.publish_version(FunctionName="versioned")["Version"])

    assert publish("two") == "2"
    assert functions.publish_version(FunctionName="versioned")["Version"] == "2"
    routing = {"AdditionalVersionWeights": {"2": 0.1}}
    functions.create_alias(FunctionName="versioned", Name="live", FunctionVersion="1", RoutingConfig=routing)
    with pytest.raises(functions.exceptions.ResourceConflictException, match="Alias already exists"):
        functions.create_alias(FunctionName="versioned", Name="live", FunctionVersion="1")
    for version in ("1", "2"):
        with pytest.raises(
            functions.exceptions.ResourceConflictException, match=r"referenced by aliases .*:live\)"
        ):
            functions.delete_function(FunctionName="versioned", Qualifier=version)
    functions.delete_alias(FunctionName="versioned", Name="live")
    functions.delete_function(FunctionName="versioned", Qualifier="2")
    assert publish("three") == "3"
    assert functions.get_function_configuration(FunctionName="versioned:3")["Version"] == "3"
    assert publish("four") == "4"
    assert functions.get_function_configuration(FunctionName="versioned:3")["Description"] == "three"
    functions.delete_function(FunctionName="versioned", Qualifier="4")
    versions = functions.list_versions_by_function(FunctionName="versioned")["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1", "3"]
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.list_versions_by_function(FunctionName="nobody")


@gap("lists_in_pages", "3 == 2")
def test_lists_in_pages(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    for number in range(3):
        made_with(moto, code, f"listed-{number}")
    first = functions.list_functions(MaxItems=2)
    assert len(first["Functions"]) == 2
    pages = functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
    names = [one["FunctionName"] for page in pages for one in page["Functions"]]
    assert {f"listed-{number}" for number in range(3)} <= set(names)
    assert len(names) == len(set(names))
    with pytest.raises(ClientError, match="Invalid marker"):
        functions.list_functions(Marker="nowhere")
    for runtime in ("python3.11", "nodejs22.x"):
        functions.publish_layer_version(
            LayerName="listed", Content={"ZipFile": archive()}, CompatibleRuntimes=[runtime]
        )
    found = functions.list_layer_versions(LayerName="listed", CompatibleRuntime="python3.11")["LayerVersions"]
    assert [one["Version"] for one in found] == [1]


@gap("layer_answers", "NotImplementedError")
def test_layer_answers(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    made = functions.publish_layer_version(LayerName="answered", Content={"ZipFile": archive()})
    found = functions.get_layer_version_by_arn(Arn=made["LayerVersionArn"])
    assert found["Content"]["CodeSha256"] == made["Content"]["CodeSha256"]
    functions.delete_layer_version(LayerName="answered", VersionNumber=1)
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_layer_version_by_arn(Arn=made["LayerVersionArn"])
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match="Layer version does not exist"):
        made_with(moto, code, "unlayered", Layers=[f"{made['LayerArn']}-other:1"])


@gap("permissions", "DID NOT RAISE")
def test_permissions(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    made_with(moto, code, "permitted", Publish=True)
    functions.create_alias(FunctionName="permitted", Name="live", FunctionVersion="1")
    asked = {
        "FunctionName": "permitted", "StatementId": "s3", "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
    }  # fmt: skip
    functions.add_permission(**asked, Qualifier="live")
    with pytest.raises(
        functions.exceptions.ResourceConflictException, match=r"statement id \(s3\) provided already"
    ):
        functions.add_permission(**asked, Qualifier="live")
    for other in ({}, {"Qualifier": "1"}):
        with pytest.raises(functions.exceptions.ResourceNotFoundException):
            functions.get_policy(FunctionName="permitted", **other)
    functions.add_permission(**asked)
    functions.remove_permission(FunctionName="permitted", StatementId="s3", Qualifier="live")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_policy(FunctionName="permitted", Qualifier="live")
    assert "s3.amazonaws.com" in functions.get_policy(FunctionName="permitted")["Policy"]


@gap("reserved_concurrency", r"\[None, 0, 0\] == \[0, 0, 0\]")
def test_reserved_concurrency(moto: Any, code: dict[str, str]) -> None:
    def resources(reserved: int | None) -> dict[str, Any]:
        function: dict[str, Any] = {
            "FunctionName": "reserved",
            "Code": code,
            "Handler": "main.handle",
            "Runtime": "python3.11",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        }
        if reserved is not None:
            function["ReservedConcurrentExecutions"] = reserved
        return {"Role": ROLE, "Function": {"Type": "AWS::Lambda::Function", "Properties": function}}

    functions = moto.client("lambda")

    def reserved() -> list[Any]:
        return [
            functions.get_function(FunctionName="reserved")
            .get("Concurrency", {})
            .get("ReservedConcurrentExecutions"),
            functions.get_function_concurrency(FunctionName="reserved").get("ReservedConcurrentExecutions"),
            moto.ask("function", function="reserved")[1]["reserved_concurrency"],
        ]

    moto.deploy("reserved", resources(0))
    assert reserved() == [0] * 3
    moto.update("reserved", resources(3))
    assert reserved() == [3] * 3
    moto.update("reserved", resources(None))
    assert reserved() == [None] * 3
    functions.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=900)
    moto.update("reserved", {**resources(None), "Topic": {"Type": "AWS::SNS::Topic"}})
    assert reserved() == [900] * 3
    with pytest.raises(ClientError, match="below its minimum value of"):
        functions.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=901)
    functions.delete_function_concurrency(FunctionName="reserved")
    assert reserved() == [None] * 3


@gap("event_settings", "KeyError: 'DeadLetterConfig'")
def test_event_settings(moto: Any, code: dict[str, str]) -> None:
    functions = moto.client("lambda")
    made = functions.create_function(
        FunctionName="events", Runtime="python3.11", Role=role_of(moto, "events"), Handler="main.handle",
        Code=code, Publish=True, DeadLetterConfig={"TargetArn": TOLD},
    )  # fmt: skip
    assert made["DeadLetterConfig"] == {"TargetArn": TOLD}
    with pytest.raises(ClientError, match="doesn't have an EventInvokeConfig"):
        functions.update_function_event_invoke_config(FunctionName="events", MaximumRetryAttempts=1)
    told = {"OnFailure": {"Destination": TOLD}}
    put = functions.put_function_event_invoke_config
    put(FunctionName="events", MaximumRetryAttempts=0, DestinationConfig=told)
    second = put(FunctionName="events", MaximumRetryAttempts=1, MaximumEventAgeInSeconds=60)
    assert second["FunctionArn"].endswith(":function:events:$LATEST")
    assert second["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    put(FunctionName="events", Qualifier="1", DestinationConfig=told)
    changed = functions.update_function_event_invoke_config(
        FunctionName="events", DestinationConfig={"OnSuccess": {"Destination": OTHER}}
    )
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (1, 60)
    found = functions.list_function_event_invoke_configs(FunctionName="events")["FunctionEventInvokeConfigs"]
    assert [each["FunctionArn"].rpartition(":")[2] for each in found] == ["$LATEST", "1"]

    def settings(qualifier: str | None) -> Any:
        return moto.ask("function", function="events", qualifier=qualifier)[1]["events"]

    latest = {"retries_max": 1, "age_max_s": 60, "on_success": OTHER, "dead_letters": TOLD}
    assert settings(None) == settings("$LATEST") == latest
    assert settings("1") == {"on_failure": TOLD, "dead_letters": TOLD}
    functions.update_function_configuration(FunctionName="events", DeadLetterConfig={"TargetArn": ""})
    assert "DeadLetterConfig" not in functions.get_function_configuration(FunctionName="events")
    functions.delete_function_event_invoke_config(FunctionName="events")
    functions.delete_function_event_invoke_config(FunctionName="events", Qualifier="1")
    assert settings(None) == {"dead_letters": ""}
    with pytest.raises(ClientError, match="doesn't have an EventInvokeConfig"):
        functions.get_function_event_invoke_config(FunctionName="events:1")
    with pytest.raises(ClientError, match="Function not found"):
        put(FunctionName="nobody")
    with pytest.raises(ClientError, match="less than or equal to 2"):
        put(FunctionName="events", MaximumRetryAttempts=3)


@gap("event_settings_resource", "assert {'dead_letter.*} == {'retries_max")
def test_event_settings_resource(moto: Any, code: dict[str, str]) -> None:
    function = {
        "FunctionName": "events-cfn",
        "Code": code,
        "Handler": "main.handle",
        "Runtime": "python3.11",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "DeadLetterConfig": {"TargetArn": OTHER},
    }

    def resources(retries: int | None) -> dict[str, Any]:
        found: dict[str, Any] = {
            "Role": ROLE,
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        }
        if retries is not None:
            settings = {
                "FunctionName": {"Ref": "Function"},
                "Qualifier": "$LATEST",
                "MaximumRetryAttempts": retries,
                "DestinationConfig": {"OnFailure": {"Destination": TOLD}},
            }
            found["Settings"] = {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": settings}
        return found

    def settings() -> Any:
        return moto.ask("function", function="events-cfn")[1]["events"]

    moto.deploy("events-cfn", resources(0))
    assert settings() == {"retries_max": 0, "on_failure": TOLD, "dead_letters": OTHER}
    moto.update("events-cfn", resources(1))
    assert settings()["retries_max"] == 1
    moto.update("events-cfn", resources(None))
    assert settings() == {"dead_letters": OTHER}
    moto.update("events-cfn", resources(2))
    moto.client("cloudformation").delete_stack(StackName="events-cfn")
    assert moto.ask("function", function="events-cfn")[0] == 404


@gap("layer_properties", "'<moto.awslam.*' == 'arn:aws:lamb")
def test_layer_properties(moto: Any, code: dict[str, str]) -> None:
    layer = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"LayerName": "named", "Content": code}}
    outputs = moto.deploy("layer", {"Layer": layer}, {"Arn": {"Ref": "Layer"}})
    assert outputs["Arn"] == "arn:aws:lambda:us-east-1:123456789012:layer:named:1"


@gap("retained_resources", "assert 'kept' in ")
def test_retained_resources(moto: Any) -> None:
    def bucket(name: str, policy: str) -> dict[str, Any]:
        return {"Type": "AWS::S3::Bucket", "DeletionPolicy": policy, "Properties": {"BucketName": name}}

    other = {"Type": "AWS::SNS::Topic"}
    moto.deploy("kept", {"Topic": other, "Kept": bucket("kept", "Retain"), "Gone": bucket("gone", "Delete")})
    moto.update("kept", {"Topic": other})
    names = {one["Name"] for one in moto.client("s3").list_buckets()["Buckets"]}
    assert "kept" in names
    assert "gone" not in names


@gap("layers_outlive_deletion", "assert 502 == 200")
def test_layers_outlive_deletion(moto: Any, code: dict[str, str]) -> None:
    role = moto.client("iam").create_role(RoleName="kept", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
        "Arn"
    ]
    functions = moto.client("lambda")
    layer = functions.publish_layer_version(LayerName="gone", Content=code)["LayerVersionArn"]
    functions.create_function(
        FunctionName="kept", Runtime="python3.11", Role=role, Handler="main.handle", Code=code, Layers=[layer]
    )
    functions.delete_layer_version(LayerName="gone", VersionNumber=1)
    status, record = moto.ask("function", function="kept")
    assert status == 200
    assert len(record["layers"]) == 1


@gap("failing_resource_named", "NoSuchBucket|does not exist")
def test_failing_resource_named(moto: Any) -> None:
    broken = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {"Content": {"S3Bucket": "nowhere", "S3Key": "k"}},
    }
    with pytest.raises(ClientError) as caught:
        moto.deploy("broken", {"Fine": {"Type": "AWS::SNS::Topic"}, "BrokenLayer": broken})
    assert "BrokenLayer" in caught.value.response["Error"]["Message"]
    stack = moto.client("cloudformation").describe_stacks(StackName="broken")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_FAILED"


@gap("updates_not_supported", "DID NOT RAISE ClientError")
def test_updates_not_supported(moto: Any) -> None:
    def table_with(key: str) -> dict[str, Any]:
        properties = {
            "TableName": "fixed",
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        return {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}}

    moto.deploy("fixed", table_with("pk"))
    with pytest.raises(ClientError) as caught:
        moto.update("fixed", table_with("other"))
    assert "resource Table: the local cloud cannot update a AWS::DynamoDB::Table" in str(caught.value)


@gap("role_properties", "assert \"{'Version'")
def test_role_properties(moto: Any) -> None:
    def role(policies: list[dict[str, Any]]) -> dict[str, Any]:
        return {"Role": {**ROLE, "Properties": {**ROLE["Properties"], "RoleName": "roled", "Policies": policies}}}  # type: ignore[dict-item]

    moto.deploy("roled", role([{"PolicyName": "one", "PolicyDocument": POLICY}]))
    iam = moto.client("iam")
    assert iam.get_role_policy(RoleName="roled", PolicyName="one")["PolicyDocument"] == POLICY
    moto.update("roled", role([{"PolicyName": "two", "PolicyDocument": POLICY}]))
    assert iam.list_role_policies(RoleName="roled")["PolicyNames"] == ["two"]


@gap("table_properties", "assert {'TimeToLiveS.*DISABLED")
def test_table_properties(moto: Any) -> None:
    properties = {
        "TableName": "ttl",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    moto.deploy("ttl", {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}})
    dynamodb = moto.client("dynamodb")
    ttl = dynamodb.describe_time_to_live(TableName="ttl")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = dynamodb.describe_continuous_backups(TableName="ttl")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


@gap("bucket_properties", "KeyError: 'Status'")
def test_bucket_properties(moto: Any) -> None:
    block = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    properties = {
        "BucketName": "bucket-props",
        "VersioningConfiguration": {"Status": "Enabled"},
        "PublicAccessBlockConfiguration": block,
    }
    moto.deploy("bucket", {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}})
    s3 = moto.client("s3")
    assert s3.get_bucket_versioning(Bucket="bucket-props")["Status"] == "Enabled"
    assert s3.get_public_access_block(Bucket="bucket-props")["PublicAccessBlockConfiguration"] == block


@gap("stream_records", r"\['INSERT', 'I.* == \['INSERT', 'MODIFY', 'REMOVE'\]")
def test_stream_records_of_an_update_that_makes_the_item(moto: Any) -> None:
    dynamodb, arn = table(moto, "streamed")
    key = {"pk": {"S": "a"}}

    def add(text: str) -> None:
        dynamodb.update_item(
            TableName="streamed",
            Key=key,
            UpdateExpression="ADD who :n",
            ExpressionAttributeValues={":n": {"SS": [text]}},
        )

    add("x")
    add("y")
    add("y")  # changes nothing: no record
    dynamodb.delete_item(TableName="streamed", Key=key)
    found = records(moto, arn)
    assert [one["eventName"] for one in found] == ["INSERT", "MODIFY", "REMOVE"]
    images = [(one["dynamodb"].get("OldImage"), one["dynamodb"].get("NewImage")) for one in found]
    assert images[0] == (None, {**key, "who": {"SS": ["x"]}})
    assert images[1][0] == {**key, "who": {"SS": ["x"]}}
    assert images[2][1] is None
    sequence = [int(one["dynamodb"]["SequenceNumber"]) for one in found]
    assert sequence == list(range(sequence[0], sequence[0] + 3))
    assert [one["eventName"] for one in records(moto, arn, str(sequence[0]))] == ["MODIFY", "REMOVE"]


def test_a_transaction_that_fails_leaves_nothing(moto: Any) -> None:
    dynamodb, arn = table(moto, "rolled")
    dynamodb.put_item(TableName="rolled", Item={"pk": {"S": "a"}, "who": {"SS": ["x"]}})

    def operations(condition: str) -> list[dict[str, Any]]:
        return [
            {"Put": {"TableName": "rolled", "Item": {"pk": {"S": "b"}}}},
            {
                "Update": {
                    "TableName": "rolled",
                    "Key": {"pk": {"S": "a"}},
                    "UpdateExpression": "ADD who :y",
                    "ExpressionAttributeValues": {":y": {"SS": ["y"]}},
                }
            },
            {"Put": {"TableName": "rolled", "Item": {"pk": {"S": "c"}}, "ConditionExpression": condition}},
        ]

    def items() -> dict[str, Any]:
        return {one["pk"]["S"]: one.get("who") for one in dynamodb.scan(TableName="rolled")["Items"]}

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(TransactItems=operations("attribute_exists(pk)"))
    assert items() == {"a": {"SS": ["x"]}}
    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in records(moto, arn)] == ["a"]
    dynamodb.transact_write_items(TransactItems=operations("attribute_not_exists(pk)"))
    assert items() == {"a": {"SS": ["x", "y"]}, "b": None, "c": None}
    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in records(moto, arn)] == ["a", "b", "a", "c"]


@gap("cheap_transactions", "ion False 2")
def test_cheap_transactions_copy_no_table(moto: Any) -> None:
    printed = moto.python("""
from moto.dynamodb.models import DynamoDBBackend

backend = DynamoDBBackend("us-east-1", "123456789012")
backend.create_table(
    name="t",
    schema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    attr=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
    throughput=None, billing_mode="PAY_PER_REQUEST", global_indexes=[], indexes=[], streams=None,
    sse_specification=None, tags=[], deletion_protection_enabled=False, warm_throughput=None,
)
item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
backend.put_item("t", item)
made = backend.tables["t"]
fails = {"Put": {"TableName": "t", "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
other = {"Put": {"TableName": "t", "Item": {"pk": {"S": "a"}, "sk": {"S": "c"}}}}
try:
    backend.transact_write_items([other, fails])
except Exception as error:
    print(type(error).__name__, backend.tables["t"] is made, len(list(made.all_items())))
""")
    # The same table as before, not a copy of it: whoever held it still holds the living one.
    assert printed == "TransactionCanceledException True 1\n"


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A port of this machine that nothing in moto may call."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.settimeout(0.2)
        yield opened


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listening() as opened:
        yield opened


def address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def was_called(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return False
    return True


@gap("http_subscriptions", "may not leave its process")
def test_http_subscriptions_deliver_nowhere_and_the_others_do(moto: Any, listener: socket.socket) -> None:
    sns, sqs = moto.client("sns"), moto.client("sqs")
    topic = sns.create_topic(Name="news")["TopicArn"]
    queue = sqs.create_queue(QueueName="news")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for protocol, endpoint in (
        ("http", address(listener)),
        ("https", address(listener)),
        ("email", "admin@example.org"),
        ("sqs", arn),
    ):
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    sns.publish(TopicArn=topic, Message="x")
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "y"}])
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(json.loads(one["Body"])["Message"] for one in received) == ["x", "y"]
    assert not was_called(listener)
    assert f"not delivered: {topic} has a subscription to {address(listener)}" in moto.log


@gap("nothing_leaves", "assert not True")
def test_nothing_leaves(moto: Any, listener: socket.socket) -> None:
    """A delivery stream's address stands for all that moto would call."""
    firehose = moto.client("firehose")
    firehose.create_delivery_stream(
        DeliveryStreamName="out",
        HttpEndpointDestinationConfiguration={
            "EndpointConfiguration": {"Url": address(listener)},
            "S3Configuration": {
                "RoleARN": "arn:aws:iam::123456789012:role/r",
                "BucketARN": "arn:aws:s3:::b",
            },
        },
    )
    with ThreadPoolExecutor(1) as thread:
        put = thread.submit(firehose.put_record, DeliveryStreamName="out", Record={"Data": b"x"})
        assert not was_called(listener)
        with pytest.raises(ClientError):
            put.result()
    assert "moto may not leave its process: socket." in moto.log
    assert moto.client("sts").get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize(
    "way",
    [
        "socket.socket().connect(('127.0.0.1', 9))",
        "socket.socket().connect_ex(('127.0.0.1', 9))",
        "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "socket.gethostbyname('localhost')",
        "subprocess.run(['/bin/true'])",
        "os.system('true')",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.fork() or os._exit(0)",
    ],
)
def test_nothing_leaves_whichever_way(way: str) -> None:
    code = (
        "import os, socket, subprocess\n"
        "from infra.local.moto_patches import nothing_leaves\n"
        "nothing_leaves.apply()\n"
        f"try: {way}\n"
        "except PermissionError as error: print('refused:', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.startswith("refused: moto may not leave its process")


@gap("templates_are_data", "DID NOT RAISE ClientError", operation="create_stack")
@pytest.mark.parametrize("operation", ["create_stack", "create_change_set", "get_template_summary"])
def test_templates_are_data(moto: Any, tmp_path: Path, operation: str) -> None:
    """A YAML tag of Python's own would run code in moto's process, as the user who started the local cloud."""
    made = tmp_path / "made"
    template = f"Description: !!python/object/apply:os.mkdir ['{made}']\nResources: {{}}\n"
    names: dict[str, Any] = {
        "create_stack": {"StackName": "code"},
        "create_change_set": {"StackName": "code", "ChangeSetName": "c", "ChangeSetType": "CREATE"},
        "get_template_summary": {},
    }
    with pytest.raises(ClientError):
        getattr(moto.client("cloudformation"), operation)(TemplateBody=template, **names[operation])
    assert not made.exists()


def test_templates_keep_their_short_forms(moto: Any) -> None:
    template = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: short}}
Outputs:
  Arn: {Value: !GetAtt Queue.Arn}
  Text: {Value: !Sub "is ${Queue}"}
  Joined: {Value: !Join ["-", [a, !Select [1, [b, c]]]]}
"""
    moto.client("cloudformation").create_stack(StackName="short", TemplateBody=template)
    outputs = moto.outputs("short")
    assert outputs["Arn"] == "arn:aws:sqs:us-east-1:123456789012:short"
    assert outputs["Joined"] == "a-c"
    assert outputs["Text"].startswith("is http")


@gap("receiving_never_waits", r"assert \(.* - .*\) < 4")
def test_receiving_never_waits(moto: Any) -> None:
    sqs = moto.client("sqs")
    url = sqs.create_queue(QueueName="waits", Attributes={"ReceiveMessageWaitTimeSeconds": "20"})["QueueUrl"]
    since = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=4)
    assert time.monotonic() - since < 4
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    with pytest.raises(ClientError):
        sqs.receive_message(QueueUrl=url, WaitTimeSeconds=21)
    moto.request("GET", "/123456789012/waits?Action=ReceiveMessage&WaitTimeSeconds=20", key="front", parse=False)
    assert time.monotonic() - since < 5


@gap("user_boundaries", "None == .arn:")
def test_user_boundaries(moto: Any) -> None:
    iam = moto.client("iam")
    made = [
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
        for name in ("bound-a", "bound-b")
    ]
    iam.create_user(UserName="bounded-user", PermissionsBoundary=made[0])
    key = iam.create_access_key(UserName="bounded-user")["AccessKey"]["AccessKeyId"]

    def shown() -> Any:
        return iam.get_user(UserName="bounded-user")["User"].get("PermissionsBoundary", {})

    assert shown().get("PermissionsBoundaryArn") == made[0]
    assert moto.ask("iam/caller", access_key=key)[1]["boundary"] is not None
    iam.put_user_permissions_boundary(UserName="bounded-user", PermissionsBoundary=made[1])
    assert shown()["PermissionsBoundaryArn"] == made[1]
    iam.delete_user_permissions_boundary(UserName="bounded-user")
    assert shown() == {}
    assert moto.ask("iam/caller", access_key=key)[1]["boundary"] is None
    with pytest.raises(ClientError, match="does not exist"):
        iam.create_user(UserName="other-user", PermissionsBoundary="arn:aws:iam::123456789012:policy/none")
    with pytest.raises(ClientError, match="cannot be found"):
        iam.get_user(UserName="other-user")
