"""Fakes and real things, held to one suite: what a port promises, both do."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from control_plane.cli.artifacts import ArtifactBucket
from control_plane.operations.ports import Alert, ArtifactStore, Invoked, Invoker, NotInvoked
from functions.dispatcher.invoker import LambdaInvoker
from functions.dispatcher.queue import OutcomesQueue
from functions.notifier.topic import AlertsTopic
from services_ai_sdk.wire.errors import PlatformError
from services_ai_sdk.wire.failure import Category, Failure
from services_ai_sdk.wire.outcome import Outcome, OutcomeClass, OutcomesMessage
from tests.contract.control_plane.fakes import FakeInvoker, MemorySink, MemoryStore, MemoryTopic
from tests.contract.control_plane.world import World

ARN = "arn:aws:lambda:us-east-1:123456789012:function:services-ai-plugin-alpha:live"


@dataclass
class ServedInvoke:
    """Lambda's Invoke on a loopback port: status, headers and body as a test sets them."""

    status: int = 200
    headers: dict[str, str] | None = None
    body: bytes = b"{}"
    seen: int = 0
    hold: threading.Event | None = None


@pytest.fixture
def served() -> Iterator[tuple[ServedInvoke, str]]:
    answer = ServedInvoke()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answer.seen += 1
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if answer.hold is not None:
                answer.hold.wait(30)
            try:
                self.send_response(answer.status)
                for name, value in (answer.headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                self.close_connection = True  # the caller has gone, which is what some tests want

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield answer, f"http://127.0.0.1:{server.server_port}"
    if answer.hold is not None:
        answer.hold.set()
    server.shutdown()
    thread.join()
    server.server_close()


def invoker_of(url: str) -> LambdaInvoker:
    def new_client(timeout_s: int) -> Any:
        return boto3.client(
            "lambda",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(
                retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=1, read_timeout=timeout_s
            ),
        )

    return LambdaInvoker(new_client)


Script = Callable[[Invoked | NotInvoked], Invoker]


@pytest.fixture(params=["fake", "real"])
def invoker(request: pytest.FixtureRequest) -> Script:
    """An invoker whose function does what it is told."""
    served, url = request.getfixturevalue("served")

    def scripted(what: Invoked | NotInvoked) -> Invoker:
        if request.param == "fake":
            fake = FakeInvoker()

            def script(_: dict[str, Any]) -> Invoked:
                if isinstance(what, NotInvoked):
                    raise what
                return what

            fake.scripts[ARN] = script
            return fake
        if isinstance(what, NotInvoked):
            code, text = what.reason.split(": ", 1)
            served.status = 429 if "TooMany" in code else 502
            served.headers = {"x-amzn-ErrorType": code, "x-services-ai-not-run": what.not_run}
            served.body = json.dumps({"Message": text, "Type": "User"}).encode()
        else:
            served.status = what.status_code
            served.headers = {"x-services-ai-worker-pid": str(what.worker_pid)}
            if what.function_error:
                served.headers["X-Amz-Function-Error"] = what.function_error
            served.body = what.payload
        return invoker_of(url)

    return scripted


@pytest.mark.parametrize(
    "what",
    [
        Invoked(200, "", b'{"v":1}', 4711),
        Invoked(200, "Unhandled", b'{"errorMessage":"no"}', 1),
        Invoked(200, "", b"", 0),
        Invoked(200, "", b"\xff" * 100_000, 0),
    ],
)
def test_an_invoker_returns_what_came(invoker: Script, what: Invoked) -> None:
    assert invoker(what).invoke(ARN, b"{}", 5.0) == what


@pytest.mark.parametrize(
    ("reason", "not_run"),
    [
        ("TooManyRequestsException: Rate Exceeded.", ""),
        ("InvalidRuntimeException: no", "needs Python 3.13 (pyenv install 3.13)"),
    ],
)
def test_an_invoker_says_what_was_refused(invoker: Script, reason: str, not_run: str) -> None:
    with pytest.raises(NotInvoked) as caught:
        invoker(NotInvoked(reason, not_run=not_run)).invoke(ARN, b"{}", 5.0)
    assert (caught.value.reason, caught.value.not_run) == (reason, not_run)


def test_a_hung_invoke_is_sent_once_and_given_up(served: tuple[ServedInvoke, str]) -> None:
    answer, url = served
    answer.hold = threading.Event()
    with pytest.raises(NotInvoked) as caught:
        invoker_of(url).invoke(ARN, b"{}", 0.2)
    assert "ReadTimeoutError" in caught.value.reason
    assert answer.seen == 1


def test_nobody_there(served: tuple[ServedInvoke, str]) -> None:
    with pytest.raises(NotInvoked):
        invoker_of("http://127.0.0.1:1").invoke(ARN, b"{}", 1)


@pytest.mark.parametrize("pid", ["", "-1", "x", "١٢", "1" * 30])
def test_a_worker_pid_that_is_none(served: tuple[ServedInvoke, str], pid: str) -> None:
    answer, url = served
    answer.headers = {"x-services-ai-worker-pid": pid} if pid.isascii() else {}
    assert invoker_of(url).invoke(ARN, b"{}", 5).worker_pid in (0, int("1" * 30))


def outcomes(count: int, *, args: dict[str, Any] | None = None, text: str = "no") -> OutcomesMessage:
    failure = Failure("ValueError", text, Category.RUNTIME_ERROR)
    rows = [Outcome(f"{at:x}", "alpha", "1.0.0", 1, OutcomeClass.FAILURE, failure=failure) for at in range(count)]
    return OutcomesMessage("../event", "lead_created", "sync", "t", 1_772_000_000_000, tuple(rows), args)


class RealSink:
    """The queue and the bucket on moto, with the fake's way of looking into them."""

    def __init__(self) -> None:
        self.sqs, self.s3 = boto3.client("sqs"), boto3.client("s3")
        self.s3.create_bucket(Bucket="memory")
        self.url = self.sqs.create_queue(QueueName="outcomes")["QueueUrl"]
        self.warnings: list[str] = []
        self._queue = OutcomesQueue(self.sqs, self.url, lambda: self.s3, "memory", self.warnings.append)

    def send(self, message: OutcomesMessage) -> None:
        self._queue.send(message)

    @property
    def messages(self) -> list[OutcomesMessage]:
        found: list[OutcomesMessage] = []
        while batch := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            assert all(len(item["Body"].encode()) <= 256 * 1024 for item in batch)
            found += [OutcomesMessage.from_dict(json.loads(item["Body"])) for item in batch]
        return found

    @property
    def by_reference(self) -> dict[str, bytes]:
        keys = [item["Key"] for item in self.s3.list_objects_v2(Bucket="memory").get("Contents", [])]
        return {f"s3://memory/{key}": self.s3.get_object(Bucket="memory", Key=key)["Body"].read() for key in keys}


@pytest.fixture(params=["fake", "real"])
def sink(request: pytest.FixtureRequest, world: World) -> Any:
    return MemorySink() if request.param == "fake" else RealSink()


def test_a_sink_sends_one_message(sink: Any) -> None:
    sink.send(outcomes(2, args={"lead": {"id": 1}}))
    (message,) = sink.messages
    assert message == outcomes(2, args={"lead": {"id": 1}})
    assert sink.by_reference == {}


def test_a_sink_keeps_large_arguments_beside(sink: Any) -> None:
    args = {"lead": {"note": "x" * 300_000}}
    sink.send(outcomes(1, args=args))
    (message,) = sink.messages
    assert message.args is None
    assert json.loads(sink.by_reference[message.args_ref]) == args


def test_a_sink_splits_what_even_so_does_not_fit(sink: Any) -> None:
    sink.send(outcomes(40, text="x" * 16_000))
    messages = sink.messages
    assert len(messages) > 1
    assert sorted(each.invocation_id for m in messages for each in m.outcomes) == sorted(
        f"{at:x}" for at in range(40)
    )


def test_without_the_bucket_the_failure_still_arrives(world: World) -> None:
    sink = RealSink()
    sink.s3.delete_bucket(Bucket="memory")
    sink.send(outcomes(1, args={"note": "x" * 300_000}))
    (message,) = sink.messages
    assert (message.args, message.args_ref) == (None, "")
    assert sink.warnings


class RealTopic:
    """The topic on moto, read through a subscribed queue."""

    def __init__(self) -> None:
        self.sns, self.sqs = boto3.client("sns"), boto3.client("sqs")
        self.arn = self.sns.create_topic(Name="alerts")["TopicArn"]
        self.url = self.sqs.create_queue(QueueName="read-alerts")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        self.sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=arn)

    def publish(self, alert: Alert) -> None:
        AlertsTopic(self.sns, self.arn).publish(alert)

    @property
    def alerts(self) -> list[Alert]:
        bodies = [
            json.loads(item["Body"])
            for item in self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        ]
        rows = []
        for body in bodies:
            attributes = {name: value["Value"] for name, value in body["MessageAttributes"].items()}
            rows.append(
                Alert(attributes.pop("alert_id"), attributes["kind"], body["Subject"], body["Message"], attributes)
            )
        return rows


@pytest.mark.parametrize("kind", ["fake", "real"])
def test_a_topic_carries_the_whole_alert(world: World, kind: str) -> None:
    topic: Any = MemoryTopic() if kind == "fake" else RealTopic()
    alert = Alert(
        "auto_disabled:alpha:2", "auto_disabled", "Off", "body\n", {"plugin": "alpha", "kind": "auto_disabled"}
    )
    topic.publish(alert)
    assert topic.alerts == [alert]


def test_a_topic_that_is_gone_is_said(world: World) -> None:
    topic = RealTopic()
    topic.sns.delete_topic(TopicArn=topic.arn)
    with pytest.raises(PlatformError):
        topic.publish(Alert("a", "b", "c", "d"))


@pytest.fixture(params=["fake", "real"])
def store(request: pytest.FixtureRequest, world: World) -> tuple[ArtifactStore, Callable[[str, bytes], None]]:
    if request.param == "fake":
        memory = MemoryStore()
        return memory, memory.put
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="memory")
    return ArtifactBucket(s3, "memory"), lambda key, body: s3.put_object(Bucket="memory", Key=key, Body=body)


def test_a_store_lists_submissions_and_nothing_else(store: Any) -> None:
    bucket, put = store
    digest = "a" * 64
    put(f"submissions/alpha/1.0.0/{digest}/package.zip", b"code")
    put(f"submissions/alpha/1.0.0/{digest}/layer.zip", b"layer")
    put(f"submissions/beta/1.0.0/{digest}/package.zip", b"code")
    put("submissions/alpha/readme.txt", b"no")
    put("payloads/alpha.json", b"no")
    rows = bucket.submissions("alpha")
    assert [(row.plugin_id, row.version, row.sha256) for row in rows] == [("alpha", "1.0.0", digest)]
    assert rows[0].layer_key.endswith("/layer.zip")
    assert {row.plugin_id for row in bucket.submissions()} == {"alpha", "beta"}
    assert {row.layer_key == "" for row in bucket.submissions("beta")} == {True}
    assert bucket.submissions("alph") == []


def test_a_store_fetches_and_keeps(store: Any, tmp_path: Path) -> None:
    bucket, put = store
    put("submissions/x", b"code" * 1000)
    target = tmp_path / "x.zip"
    bucket.download("submissions/x", target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    place = bucket.keep(target, digest)
    assert place == bucket.place_of(digest)
    assert bucket.keep(target, digest) == place
    bucket.download(place.key, tmp_path / "y.zip")
    assert (tmp_path / "y.zip").read_bytes() == b"code" * 1000


def test_a_store_says_what_is_not_there(store: Any, tmp_path: Path) -> None:
    with pytest.raises(PlatformError):
        store[0].download("submissions/none", tmp_path / "x.zip")
