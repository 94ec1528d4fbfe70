"""What moto holds survives its process, ended in order or killed; what cannot be used is set aside, and said.

Runs moto's process itself, as the engine does, with a state directory.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.moto_ops.functions import ACCOUNT_ID
from tests.contract.local.moto_process import Moto, running_moto

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}
KEY = {"pk": {"S": "a"}}
BIG = os.urandom(6 * 1024 * 1024)
"""More than moto keeps in memory by itself."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def archive(text: str = "def handle(event, context):\n    return event\n") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("main.py", text)
    return buffer.getvalue()


def fill(moto: Moto) -> None:
    """One of everything that a platform, its plugins and their authors make."""
    iam, functions = moto.client("iam"), moto.client("lambda")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST), Path="/plugins/")["Role"][
        "Arn"
    ]
    policy = {**TRUST, "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(policy))
    layer = functions.publish_layer_version(LayerName="l", Content={"ZipFile": archive("x = 1\n")})
    functions.create_function(
        FunctionName="f", Runtime="python3.11", Role=role, Handler="main.handle", Code={"ZipFile": archive()},
        Layers=[layer["LayerVersionArn"]], Environment={"Variables": {"AB": "b"}}, Tags={"t": "u"}, Publish=True,
    )  # fmt: skip
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    dynamodb, sqs, s3, sns = moto.client("dynamodb"), moto.client("sqs"), moto.client("s3"), moto.client("sns")
    stream = dynamodb.create_table(
        TableName="t", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]  # fmt: skip
    dynamodb.put_item(TableName="t", Item={**KEY, "n": {"N": "1.50"}, "b": {"B": b"\0\xff"}, "s": {"SS": ["x"]}})
    functions.create_event_source_mapping(FunctionName="f", EventSourceArn=stream, StartingPosition="TRIM_HORIZON")
    queue = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT_ID}:q"
    functions.create_event_source_mapping(FunctionName="f", EventSourceArn=queue_arn)
    sqs.send_message(QueueUrl=queue, MessageBody="waits", MessageAttributes={
        "k": {"DataType": "String", "StringValue": "v"}})  # fmt: skip
    fifo = sqs.create_queue(QueueName="g.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    sqs.send_message(QueueUrl=fifo, MessageBody="first", MessageGroupId="a", MessageDeduplicationId="1")
    topic = sns.create_topic(Name="n")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", BIG):
        s3.put_object(Bucket="bucket", Key="a/b c", Body=body, Metadata={"m": "v"})
    logs = moto.client("logs")
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": "a line"}
    logs.put_log_events(logGroupName="/g", logStreamName="s", logEvents=[event])
    moto.client("kms").create_key(Description="k")
    moto.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    moto.deploy("stack", {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "of-the-stack"}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-the-stack"}},
    }, {"Url": {"Ref": "Queue"}})  # fmt: skip


def seen(moto: Moto) -> dict[str, Any]:
    """Everything of it, as the API and the engine's operations show it; reading changes nothing."""
    functions, s3, dynamodb = moto.client("lambda"), moto.client("s3"), moto.client("dynamodb")
    iam, sqs, sns, logs = moto.client("iam"), moto.client("sqs"), moto.client("sns"), moto.client("logs")
    queues = sqs.list_queues()["QueueUrls"]
    stack = moto.client("cloudformation").describe_stacks(StackName="stack")["Stacks"][0]
    answers = {
        "function": functions.get_function(FunctionName="f"),
        "version": functions.get_function(FunctionName="f", Qualifier="1"),
        "alias": functions.get_alias(FunctionName="f", Name="live"),
        "layers": functions.list_layers(),
        "mappings": functions.list_event_source_mappings()["EventSourceMappings"],
        "engine": moto.ask("function", function="f"),
        "role": [iam.get_role(RoleName="r"), iam.get_role_policy(RoleName="r", PolicyName="p")],
        "table": dynamodb.describe_table(TableName="t"),
        "items": dynamodb.scan(TableName="t")["Items"],
        "records": moto.ask("stream/read", stream_arn=_stream(moto), after="", limit=100),
        "queues": [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]) for url in queues],
        "topics": [sns.list_topics(), sns.list_subscriptions()],
        "versions": s3.list_object_versions(Bucket="bucket"),
        "events": logs.get_log_events(logGroupName="/g", logStreamName="s"),
        "keys": moto.client("kms").list_keys(),
        "stack": [stack, moto.client("cloudformation").list_stack_resources(StackName="stack")],
    }
    objects = [
        s3.get_object(Bucket="bucket", Key="a/b c", VersionId=one["VersionId"])
        for one in answers["versions"]["Versions"]
    ]
    answers["objects"] = [(one["Metadata"], one["ETag"], one["Body"].read()) for one in objects]
    return dict(_without_metadata(answers))


def _without_metadata(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_metadata(one) for key, one in value.items() if key != "ResponseMetadata"}
    return [_without_metadata(one) for one in value] if isinstance(value, list) else value


def _stream(moto: Moto) -> str:
    return str(moto.client("dynamodb").describe_table(TableName="t")["Table"]["LatestStreamArn"])


def test_everything_survives_an_end_in_order(tmp_path: Path, state: Path) -> None:
    with running_moto(tmp_path, state) as moto:
        assert moto.found["taken_at_s"] == 0
        fill(moto)
        before = seen(moto)
    with running_moto(tmp_path, state) as moto:
        assert moto.found["notes"] == []
        assert moto.found["counts"] == {"function": 1, "table": 1, "queue": 3, "bucket": 1, "topic": 2}
        (output,) = before["stack"][0]["Outputs"]
        assert moto.found["outputs"] == {"stack": {"Url": output["OutputValue"]}}
        assert seen(moto) == before
        assert "cannot be written" not in moto.log


def test_what_was_restored_can_be_used_and_changed(tmp_path: Path, state: Path) -> None:
    with running_moto(tmp_path, state) as moto:
        fill(moto)
    with running_moto(tmp_path, state) as moto:
        sqs, dynamodb = moto.client("sqs"), moto.client("dynamodb")
        url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
        moto.client("sns").publish(TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT_ID}:n", Message="told")
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])[
            "Messages"
        ]
        assert [one["Body"] for one in received[:1]] == ["waits"]
        assert json.loads(received[1]["Body"])["Message"] == "told"
        dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "t", "Item": {"pk": {"S": "b"}}}}])
        records = moto.ask("stream/read", stream_arn=_stream(moto), after="", limit=100)[1]["records"]
        assert [one["eventName"] for one in records] == ["INSERT", "INSERT"]
        moto.client("lambda").update_function_code(FunctionName="f", ZipFile=archive("y = 2\n"))
        assert moto.client("lambda").publish_version(FunctionName="f")["Version"] == "2"
        # The stack's queue and SQS's are one.
        moto.update("stack", {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {
            "QueueName": "of-the-stack", "VisibilityTimeout": 7}}})  # fmt: skip
        stacked = sqs.get_queue_url(QueueName="of-the-stack")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=stacked, AttributeNames=["VisibilityTimeout"])["Attributes"]
        assert attributes == {"VisibilityTimeout": "7"}
        moto.client("cloudformation").delete_stack(StackName="stack")
        with pytest.raises(ClientError):
            sqs.get_queue_url(QueueName="of-the-stack")


def test_killed_it_has_lost_nothing_older_than_a_second(tmp_path: Path, state: Path) -> None:
    with running_moto(tmp_path, state) as moto:
        fill(moto)
        before = seen(moto)
        time.sleep(1.0)
        moto.kill()
    with running_moto(tmp_path, state) as moto:
        assert moto.found["notes"] == []
        assert seen(moto) == before


def test_killed_at_work_it_has_lost_at_most_a_second_and_says_how_much(tmp_path: Path, state: Path) -> None:
    acknowledged: dict[int, float] = {}
    with running_moto(tmp_path, state) as moto:
        fill(moto)
        dynamodb = moto.client("dynamodb")
        for number in range(10_000):
            dynamodb.put_item(TableName="t", Item={"pk": {"S": str(number)}})
            acknowledged[number] = time.time()
            if number > 50 and acknowledged[number] - acknowledged[0] > 2.7:
                break
        killed_s = time.time()
        moto.kill()
    with running_moto(tmp_path, state) as moto:
        pages = moto.client("dynamodb").get_paginator("scan").paginate(TableName="t")
        kept = {item["pk"]["S"] for page in pages for item in page["Items"]}
        lost = [number for number in acknowledged if str(number) not in kept]
        assert all(killed_s - acknowledged[number] < 1.25 for number in lost), "a second, on a busy machine"
        # The last may have been written and not yet answered, or the copy has outlived the kill.
        if lost:
            (note,) = moto.found["notes"]
            assert f"lost: {len(lost)} change" in note
    with running_moto(tmp_path, state) as moto:
        assert moto.found["notes"] == [], "said once"


def test_a_stream_s_poller_goes_on_where_it_was(tmp_path: Path, state: Path) -> None:
    with running_moto(tmp_path, state) as moto:
        fill(moto)
        record = moto.ask("stream/read", stream_arn=_stream(moto), after="", limit=1)[1]["records"][0]
        position = record["dynamodb"]["SequenceNumber"]
        assert moto.ask("stream/read", stream_arn=_stream(moto), after=position, limit=1)[1]["records"] == []
    with running_moto(tmp_path, state) as moto:
        (mapping,) = [one for one in moto.ask("mappings")[1] if ":dynamodb:" in one["EventSourceArn"]]
        assert (mapping["StartingPosition"], mapping["StreamHead"]) == ("LATEST", position)
        (described,) = moto.client("lambda").list_event_source_mappings(EventSourceArn=_stream(moto))[
            "EventSourceMappings"
        ]
        assert described["StartingPosition"] == "TRIM_HORIZON", "what a person asked for stays what the API says"


def test_what_a_poller_had_received_and_not_settled_can_be_received_again(tmp_path: Path, state: Path) -> None:
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT_ID}:q"
    with running_moto(tmp_path, state) as moto:
        fill(moto)
        assert len(moto.ask("queue/receive", queue_arn=arn, max=10)[1]["records"]) == 1
        assert moto.ask("queue/receive", queue_arn=arn, max=10)[1]["records"] == []
        fifo = moto.client("sqs").get_queue_url(QueueName="g.fifo")["QueueUrl"]
        assert moto.client("sqs").receive_message(QueueUrl=fifo)["Messages"]
    with running_moto(tmp_path, state) as moto:
        (record,) = moto.ask("queue/receive", queue_arn=arn, max=10)[1]["records"]
        assert record["attributes"]["ApproximateReceiveCount"] == "2"
        # A receiver of somebody's own may still have it.
        assert "Messages" not in moto.client("sqs").receive_message(QueueUrl=fifo)


def test_reads_write_nothing(tmp_path: Path, state: Path) -> None:
    with running_moto(tmp_path, state) as moto:
        fill(moto)
        time.sleep(1.2)
        before = (state / "snapshot").stat().st_ino, (state / "changes").read_text()
        seen(moto)
        empty = moto.client("sqs").create_queue(QueueName="of-the-stack")["QueueUrl"]
        moto.client("sqs").receive_message(QueueUrl=empty)
        time.sleep(1.2)
        changes = int((state / "changes").read_text().split()[0]) - int(before[1].split()[0])
        assert changes == 1, "the queue that was asked for again"


def test_large_contents_are_written_once_and_forgotten_with_their_object(tmp_path: Path, state: Path) -> None:
    with running_moto(tmp_path, state) as moto:
        s3 = moto.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=BIG)
        s3.put_object(Bucket="bucket", Key="same", Body=BIG)
    (content,) = (state / "contents").iterdir()
    assert content.stat().st_size == len(BIG)
    with running_moto(tmp_path, state) as moto:
        for key in ("k", "same"):
            moto.client("s3").delete_object(Bucket="bucket", Key=key)
    with running_moto(tmp_path, state) as moto:
        moto.client("sqs").create_queue(QueueName="any")
    assert list((state / "contents").iterdir()) == []


def two_snapshots(tmp_path: Path, state: Path) -> None:
    for name in ("first", "second"):
        with running_moto(tmp_path, state) as moto:
            moto.client("sqs").create_queue(QueueName=name)


def queues(moto: Moto) -> list[str]:
    return [url.rpartition("/")[2] for url in moto.client("sqs").list_queues().get("QueueUrls", [])]


def test_a_damaged_one_is_replaced_by_the_one_before_which_is_said_once(tmp_path: Path, state: Path) -> None:
    two_snapshots(tmp_path, state)
    os.truncate(state / "snapshot", (state / "snapshot").stat().st_size - 10)
    with running_moto(tmp_path, state) as moto:
        assert queues(moto) == ["first"]
        (aside,) = state.glob("snapshot.aside-*")
        assert str(aside) in moto.found["notes"][0]
        assert "lost: 1 change made between " in moto.found["notes"][1]
    with running_moto(tmp_path, state) as moto:
        assert queues(moto) == ["first"]
        assert moto.found["notes"] == []


def rewrite_header(path: Path, **changes: Any) -> None:
    header, _, body = path.read_bytes().partition(b"\n")
    path.write_bytes(json.dumps({**json.loads(header), **changes}).encode() + b"\n" + body)


def test_one_of_another_version_is_set_aside_whole(tmp_path: Path, state: Path) -> None:
    two_snapshots(tmp_path, state)
    rewrite_header(state / "snapshot", moto="4.0.0")
    with running_moto(tmp_path, state) as moto:
        assert queues(moto) == [], "nor is an older state taken up without a word"
        moto.client("sqs").create_queue(QueueName="new")
    with running_moto(tmp_path, state) as moto:
        assert queues(moto) == ["new"]


class Trap:
    """What a stranger would leave: reading it runs code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def with_trap(state: Path, sprung: Path) -> None:
    import hashlib

    body = pickle.dumps(Trap(sprung))
    header, _, _ = (state / "snapshot").read_bytes().partition(b"\n")
    (state / "snapshot").write_bytes(header + b"\n" + body)
    rewrite_header(state / "snapshot", sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body))


def test_a_snapshot_of_ones_own_runs_what_it_says(tmp_path: Path, state: Path) -> None:
    two_snapshots(tmp_path, state)
    with_trap(state, tmp_path / "sprung")
    with running_moto(tmp_path, state):
        assert (tmp_path / "sprung").exists()


def test_what_another_user_may_have_written_is_never_read(tmp_path: Path, state: Path) -> None:
    two_snapshots(tmp_path, state)
    with_trap(state, tmp_path / "sprung")
    (state / "snapshot").chmod(0o622)
    with running_moto(tmp_path, state) as moto:
        assert queues(moto) == []
        assert not (tmp_path / "sprung").exists()
        (note,) = moto.found["notes"]
        assert "not this user's alone" in note


def test_a_call_waits_no_longer_than_a_few_milliseconds_for_a_snapshot(tmp_path: Path, state: Path) -> None:
    with running_moto(tmp_path, state) as moto:
        fill(moto)
        dynamodb = moto.client("dynamodb")
        took_s: list[float] = []
        until = time.monotonic() + 4
        while time.monotonic() < until:
            begun = time.perf_counter()
            dynamodb.put_item(TableName="t", Item={"pk": {"S": str(len(took_s))}, "v": {"S": "x" * 500}})
            took_s.append(time.perf_counter() - begun)
        assert "took" not in moto.log
    took_s.sort()
    # Three or four snapshots among hundreds of calls: were they written on the way, the slowest would show it.
    assert took_s[-3] < 0.25, f"p50 {took_s[len(took_s) // 2]:.4f}, slowest {took_s[-5:]}"


REFUSED = """
import pickle, sys
from pathlib import Path
from infra.local import moto_main
moto_main.make_app("front", "private", Path(sys.argv[1]), lambda: None)
from moto.awslambda.models import LambdaBackend
from moto.kms.models import KmsBackend
from moto.sqs.models import SQSBackend
backend = {"lambda": LambdaBackend, "kms": KmsBackend, "sqs": SQSBackend}[sys.argv[2]]("us-east-1", "123456789012")
if sys.argv[2] == "sqs":
    backend.create_queue("q", {})
if sys.argv[2] == "kms":
    backend.create_key(None, "SIGN_VERIFY", "RSA_2048", "", [])
pickle.dumps(vars(backend))
"""


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ("lambda", "LambdaStorage.__init__.<locals>.<lambda>|WeakValueDictionary"),
        ("sqs", "cannot pickle '_thread.RLock' object"),
        ("kms", "RSAPrivateKey"),
    ],
)
def test_what_pickle_refuses_in_moto_is_still_so(tmp_path: Path, service: str, reason: str) -> None:
    """One that passes no longer needs its place in `infra/local/snapshots/reducers.py`."""
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, str(tmp_path), service], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert any(one in done.stderr for one in reason.split("|")), done.stderr[-500:]
