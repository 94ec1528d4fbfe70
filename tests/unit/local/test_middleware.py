from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest

from infra.local.bells import Bells
from infra.local.middleware import FrontKey, LongPoll, RingBells
from infra.local.status_page import STATUS_PATH, StatusPage
from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse
from services_ai_sdk.emulator.spec import Artifact, FunctionSpec

EMPTY = b"{}"
FULL = b'{"Messages":[{"Body":"x"}]}'


def signed(service: str) -> tuple[bytes, bytes]:
    return b"Authorization", f"AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/{service}/aws4_request, x".encode()


def receive(wait_s: Any = None) -> HttpRequest:
    fields = {"QueueUrl": "http://q/123456789012/q"} | ({} if wait_s is None else {"WaitTimeSeconds": wait_s})
    headers = [signed("sqs"), (b"X-Amz-Target", b"AmazonSQS.ReceiveMessage")]
    return HttpRequest("POST", "/", headers, json.dumps(fields).encode())


def receive_form(wait_s: str) -> HttpRequest:
    fields = {"Action": "ReceiveMessage", "QueueUrl": "http://q/q", "WaitTimeSeconds": wait_s}
    headers = [signed("sqs"), (b"Content-Type", b"application/x-www-form-urlencoded")]
    return HttpRequest("POST", "/", headers, urlencode(fields).encode())


class Upstream:
    """Answers in turn; keeps what it was sent."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.seen: list[HttpRequest] = []

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.seen.append(HttpRequest(request.method, request.target, list(request.headers), request.body))
        body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return HttpResponse(200, [], body)


class QueueWait:
    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s

    async def call(self, operation: str, **request: Any) -> Any:
        assert operation == "queue/wait"
        return {"wait_s": self.wait_s}


def run(middleware: Any, request: HttpRequest, upstream: Forward) -> HttpResponse:
    return asyncio.run(asyncio.wait_for(middleware(request, upstream), 10))


def test_a_wait_ends_with_the_message_that_a_bell_announced() -> None:
    async def scenario() -> None:
        bells, upstream = Bells(), Upstream(EMPTY, FULL)
        task = asyncio.create_task(LongPoll(QueueWait(0), bells)(receive(20), upstream))
        await asyncio.sleep(0)
        while not upstream.seen:
            await asyncio.sleep(0)
        bells.queues.ring()
        assert (await task).body == FULL
        assert [json.loads(one.body)["WaitTimeSeconds"] for one in upstream.seen] == [20, 20]

    asyncio.run(asyncio.wait_for(scenario(), 10))


def receive_address(method: str, wait_s: str) -> HttpRequest:
    fields = {"Action": "ReceiveMessage", "QueueUrl": "http://q/q", "WaitTimeSeconds": wait_s}
    return HttpRequest(method, f"/123456789012/q?{urlencode(fields)}", [signed("sqs")])


@pytest.mark.parametrize(
    "asked",
    [
        receive(20),
        receive_form("20"),
        receive_address("GET", "20"),
        receive_address("POST", "20"),
        HttpRequest("GET", receive_address("GET", "20").target),  # not signed
    ],
)
def test_a_wait_wherever_the_call_says_so(asked: HttpRequest) -> None:
    upstream = Upstream(EMPTY, b"<R><Message><Body>x</Body></Message></R>")
    response = run(LongPoll(QueueWait(0), Bells()), asked, upstream)
    assert b"<Message>" in response.body
    assert len(upstream.seen) == 2


def test_a_wait_ends_by_its_time() -> None:
    upstream = Upstream(EMPTY)
    assert run(LongPoll(QueueWait(0), Bells()), receive(0.05), upstream).body == EMPTY
    assert len(upstream.seen) >= 2


def test_the_queue_s_own_wait_counts_when_the_call_names_none() -> None:
    upstream = Upstream(EMPTY, FULL)
    assert run(LongPoll(QueueWait(1), Bells()), receive(), upstream).body == FULL
    upstream = Upstream(EMPTY, FULL)
    assert run(LongPoll(QueueWait(0), Bells()), receive(), upstream).body == EMPTY


@pytest.mark.parametrize("wait_s", [0, -1, 21, 1e9, "x", [], {}, True])
def test_what_is_no_wait_is_for_moto_to_judge(wait_s: Any) -> None:
    upstream = Upstream(FULL)
    asked = receive(wait_s)
    run(LongPoll(QueueWait(0), Bells()), asked, upstream)
    assert len(upstream.seen) == 1
    if wait_s is not True:
        assert json.loads(upstream.seen[0].body)["WaitTimeSeconds"] == wait_s


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"WaitTimeSeconds": NaN}', b"[" * 100_000])
def test_a_broken_body_is_for_moto_to_judge(body: bytes) -> None:
    asked = receive()
    asked.body = body
    run(LongPoll(QueueWait(0), Bells()), asked, Upstream(FULL))


@pytest.mark.parametrize(
    ("service", "action", "rings"),
    [
        ("sqs", "SendMessage", "queues"),
        ("sns", "Publish", "queues"),
        ("dynamodb", "UpdateItem", "tables"),
        ("dynamodb", "TransactWriteItems", "tables"),
        ("lambda", "", "functions"),
        ("iam", "PutRolePolicy", "functions"),
        ("cloudformation", "CreateStack", "functions"),
        ("dynamodb", "GetItem", ""),
        ("dynamodb", "Query", ""),
        ("sqs", "ReceiveMessage", ""),
        ("sqs", "GetQueueAttributes", ""),
        ("sts", "GetCallerIdentity", ""),
    ],
)
def test_a_call_rings_what_it_changes(service: str, action: str, rings: str) -> None:
    bells, invalidated = Bells(), []
    headers = [signed(service)] + ([(b"X-Amz-Target", f"X.{action}".encode())] if action else [])
    run(RingBells(bells, lambda: invalidated.append(1)), HttpRequest("POST", "/", headers), Upstream(EMPTY))
    for name in ("queues", "tables", "functions"):
        expected = name == rings or service == "cloudformation"
        assert bool(getattr(bells, name).count) == expected, name
    assert bool(invalidated) == (rings == "functions")


def test_a_change_that_is_asked_for_in_the_address_rings_too() -> None:
    bells = Bells()
    request = HttpRequest("GET", "/?Action=SendMessage&MessageBody=x", [signed("sqs")])
    run(RingBells(bells, lambda: None), request, Upstream(EMPTY))
    assert bells.queues.count == 1


def test_a_refused_call_and_a_read_ring_nothing() -> None:
    async def refuse(request: HttpRequest) -> HttpResponse:
        return HttpResponse(400, [], b"")

    for method, upstream in (("POST", refuse), ("GET", Upstream(EMPTY))):
        bells, invalidated = Bells(), []
        run(
            RingBells(bells, partial(invalidated.append, 1)),
            HttpRequest(method, "/", [signed("lambda")]),
            upstream,
        )
        assert (bells.functions.count, invalidated) == (0, [])


def test_the_front_s_key_is_never_the_caller_s() -> None:
    upstream = Upstream(EMPTY)
    run(FrontKey("secret"), HttpRequest("GET", "/", [(b"X-Services-AI-Key", b"forged")]), upstream)
    keys = [value for name, value in upstream.seen[0].headers if name.lower() == b"x-services-ai-key"]
    assert keys == [b"secret"]


def test_the_status_page_is_for_people() -> None:
    async def status() -> dict[str, Any]:
        return {"workers": 1}

    page = StatusPage(status)
    assert run(page, HttpRequest("GET", STATUS_PATH), Upstream(EMPTY)).body == b'{"workers": 1}'
    nothing = Artifact("0", None)  # type: ignore[arg-type]
    identity = FunctionSpec("f", "arn", "1", "r", "h", "python3.11", 1, 128, {}, nothing, (), "g", "role")
    assert run(page, HttpRequest("GET", STATUS_PATH, identity=identity), Upstream(EMPTY)).status == 403
    assert run(page, HttpRequest("GET", "/else"), Upstream(EMPTY)).body == EMPTY
