"""The functions as Lambda runs them: their handler, their variables, boto3, and AWS behind it (moto)."""

from __future__ import annotations

import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.contract.control_plane.fakes import raises, returns
from tests.contract.control_plane.world import SAMPLE, TABLE, World

CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn:aws:lambda:::f", aws_request_id="r"
)


class LambdaPort:
    """Lambda's Invoke on a loopback port: runs the world's scripts."""

    def __init__(self, world: World) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                from urllib.parse import unquote

                body = self.rfile.read(int(self.headers["Content-Length"]))
                arn = unquote(self.path.split("/")[3])
                answer = world.invoker.scripts[arn](json.loads(body))
                self.send_response(answer.status_code)
                if answer.function_error:
                    self.send_header("X-Amz-Function-Error", answer.function_error)
                self.send_header("x-services-ai-worker-pid", str(answer.worker_pid))
                self.send_header("Content-Length", str(len(answer.payload)))
                self.end_headers()
                self.wfile.write(answer.payload)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Platform:
    """Table, queue, topic and the three handlers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sqs, self.sns, self.s3 = boto3.client("sqs"), boto3.client("sns"), boto3.client("s3")
        self.queue_url = self.sqs.create_queue(QueueName="outcomes")["QueueUrl"]
        self.topic_arn = self.sns.create_topic(Name="alerts")["TopicArn"]
        self.alerts_url = self.sqs.create_queue(QueueName="read-alerts")["QueueUrl"]
        self.sns.subscribe(
            TopicArn=self.topic_arn, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:read-alerts"
        )
        self.s3.create_bucket(Bucket="artifacts")
        streams = boto3.client("dynamodbstreams")
        (stream,) = streams.list_streams(TableName=TABLE)["Streams"]
        shard = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"][0]
        self._iterator = streams.get_shard_iterator(
            StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        self._streams = streams

    def batch(self) -> dict[str, Any]:
        """What SQS would hand the recorder."""
        found: list[dict[str, Any]] = []
        while got := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            found += got
        return {
            "Records": [
                {"messageId": item["MessageId"], "body": item["Body"], "eventSource": "aws:sqs"} for item in found
            ]
        }

    def changes(self) -> dict[str, Any]:
        """What the stream would hand the notifier."""
        answer = self._streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        return {"Records": answer["Records"]}

    def alerts(self) -> list[dict[str, Any]]:
        got = self.sqs.receive_message(QueueUrl=self.alerts_url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(item["Body"]) for item in got]


Load = Callable[[str], ModuleType]


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        # moto knows the streams endpoint without an account in its name only.
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "SERVICES_AI_TABLE": TABLE,
        "SERVICES_AI_BUCKET": "artifacts",
        "SERVICES_AI_FRESHNESS_S": "1",
        "SERVICES_AI_FOLD_WINDOW_S": "1",
        "POWERTOOLS_SERVICE_NAME": "test",
        "POWERTOOLS_METRICS_NAMESPACE": "ServicesAI",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        world = World(boto3.client("dynamodb"))
        port = LambdaPort(world)
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{port.server.server_port}")
        found = Platform(world)
        monkeypatch.setenv("SERVICES_AI_OUTCOMES_QUEUE_URL", found.queue_url)
        monkeypatch.setenv("SERVICES_AI_ALERTS_TOPIC_ARN", found.topic_arn)
        yield found
        port.close()
        world.close()


@pytest.fixture
def load(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Imports a handler anew, as a cold start does."""

    def imported(name: str) -> ModuleType:
        module = f"functions.{name}.handler"
        monkeypatch.delitem(sys.modules, module, raising=False)
        return importlib.import_module(module)

    return imported


def test_fire_record_notify(platform: Platform, load: Load) -> None:
    world = platform.world
    world.deploy("alpha", raises("KeyError", "'BR'"))
    world.deploy("beta", returns({"score": 7}, pid=4711))
    platform.changes()
    dispatcher, recorder, notifier = load("dispatcher"), load("recorder"), load("notifier")
    request = {"v": 1, "hook": "lead_created", "args": SAMPLE, "debug": True}
    for _ in range(5):
        answer = dispatcher.handle(request, CONTEXT)
    assert [result["status"] for result in answer["results"]] == ["error", "ok"]
    assert answer["results"][1]["value"] == {"score": 7}
    assert answer["results"][1]["debug"] == {"worker_pid": 4711}
    answer = dispatcher.handle(request, CONTEXT)
    assert answer["results"][0]["reason"] == "auto_disabled"
    assert recorder.handle(platform.batch(), CONTEXT) == {"batchItemFailures": []}
    assert notifier.handle(platform.changes(), CONTEXT) == {"batchItemFailures": []}
    kinds = {alert["MessageAttributes"]["kind"]["Value"]: alert for alert in platform.alerts()}
    assert set(kinds) == {"auto_disabled", "new_error"}
    assert "main.py:31 in route" in kinds["auto_disabled"]["Message"]
    (group,) = world.errors.groups("alpha")
    assert group.count == 5


def test_a_request_that_cannot_be_served_is_an_error_with_code_and_hint(platform: Platform, load: Load) -> None:
    with pytest.raises(Exception, match="hook-unknown") as caught:
        load("dispatcher").handle({"v": 1, "hook": "lead_craeted", "args": {}}, CONTEXT)
    assert type(caught.value).__name__ == "InvalidInputError"
    raw = json.loads(str(caught.value))
    assert raw["code"] == "hook-unknown"
    assert "lead_created" in raw["hint"]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_one_bad_message_does_not_hold_up_the_others(platform: Platform, load: Load) -> None:
    platform.world.deploy("beta", returns(1))
    dispatcher, recorder = load("dispatcher"), load("recorder")
    dispatcher.handle({"v": 1, "hook": "lead_created", "args": SAMPLE}, CONTEXT)
    event = platform.batch()
    bad = {"messageId": "bad", "body": '{"v":1,"hook":"\\ud800"}', "eventSource": "aws:sqs"}
    event["Records"] = [bad, *event["Records"], {**bad, "messageId": "worse", "body": "\x00"}]
    answer = recorder.handle(event, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}, {"itemIdentifier": "worse"}]}
    assert platform.world.activity.since("beta", 0).successes == 1


def test_a_batch_of_nothing_but_bad_messages_is_reported_each(platform: Platform, load: Load) -> None:
    event = {"Records": [{"messageId": name, "body": "no", "eventSource": "aws:sqs"} for name in "ab"]}
    answer = load("recorder").handle(event, CONTEXT)
    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == ["a", "b"]


def test_a_topic_that_refuses_makes_the_change_come_again(platform: Platform, load: Load) -> None:
    world = platform.world
    world.deploy("alpha", raises("KeyError", "'BR'"))
    for _ in range(5):
        world.fire()
    notifier = load("notifier")
    event = platform.changes()
    platform.sns.delete_topic(TopicArn=platform.topic_arn)
    answer = notifier.handle(event, CONTEXT)
    (failed,) = answer["batchItemFailures"]
    sequence = {record["dynamodb"]["SequenceNumber"]: record for record in event["Records"]}
    keys = sequence[failed["itemIdentifier"]]["dynamodb"]["Keys"]
    assert keys["sk"] == {"S": "BREAKER"}


@pytest.mark.parametrize("name", ["dispatcher", "recorder", "notifier"])
def test_a_missing_variable_is_named(
    platform: Platform, load: Load, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    variable = "SERVICES_AI_ALERTS_TOPIC_ARN" if name == "notifier" else "SERVICES_AI_TABLE"
    monkeypatch.delenv(variable)
    with pytest.raises(Exception, match=variable):
        load(name)


@pytest.mark.parametrize("name", ["dispatcher", "recorder", "notifier"])
def test_handlers_stay_thin(name: str) -> None:
    source = importlib.util.find_spec(f"functions.{name}.handler")
    assert source is not None
    assert source.origin is not None
    with open(source.origin, encoding="utf-8") as file:  # noqa: PTH123
        assert len(file.readlines()) <= 40


def test_the_dispatcher_imports_no_more_than_it_needs() -> None:
    """Each import is cold-start time: no pydantic, no batch utilities, no recorder."""
    import subprocess

    code = "import sys, os; os.environ.update({names!r}); import functions.dispatcher.handler; print(*sys.modules)"
    variables = ("TABLE", "BUCKET", "OUTCOMES_QUEUE_URL")
    names = {f"SERVICES_AI_{name}": "https://x" for name in variables} | {
        "SERVICES_AI_FRESHNESS_S": "1", "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "d", "POWERTOOLS_METRICS_NAMESPACE": "n",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code.format(names=names)], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "functions.dispatcher.wiring" in loaded
    for name in (
        "pydantic", "aws_lambda_powertools.utilities.batch", "control_plane.operations.record",
        "control_plane.operations.approve", "services_ai_sdk.manifest", "typer", "rich", "moto",
    ):  # fmt: skip
        assert name not in loaded
