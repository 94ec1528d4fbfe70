"""A request that could be read in two ways does not go on, and what goes on is what was read."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local.iam.guard import IamGuard, is_owner
from infra.local.iam.knowledge import ForgetOnChange, Knowledge
from infra.local.moto_client import MotoRefused
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse
from services_ai_sdk.emulator.spec import Artifact, FunctionSpec

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/services-ai/plugins/a-0123456789ab"
SPEC = FunctionSpec(
    "f", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "1", "1", "h", "python3.11", 3, 128, {},
    Artifact("0", Path("x")), (), "/aws/lambda/f", ROLE,
)  # fmt: skip
LOGS = {"logGroupName": "/aws/lambda/f", "logStreamName": "s", "logEvents": []}
ALLOWED = [
    ("logs:PutLogEvents", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/f:*"),
    ("dynamodb:*", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"),
    ("sqs:*", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"),
    ("s3:*", "arn:aws:s3:::b/mine/*"),
    ("s3:*", "arn:aws:s3:::2015-03-31/*"),
    ("s3:GetObject", "arn:aws:s3:::c/*.txt"),
    ("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:g"),
    ("lambda:InvokeFunction", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:g"),
]


class Moto:
    """Knows one role; says what was asked."""

    def __init__(self, gone: bool = False, expires_at_s: float | None = None) -> None:
        self.expires_at_s = expires_at_s
        self.asked: list[str] = []
        self.gone = gone

    async def call(self, operation: str, **request: Any) -> Any:
        self.asked.append(operation)
        if operation == "iam/table-key":
            return "pk"
        if operation == "iam/resource-policy":
            return None
        if self.gone:
            raise MotoRefused(404, "NoSuchEntity", "gone")
        statements = [{"Effect": "Allow", "Action": one, "Resource": other} for one, other in ALLOWED]
        return {
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/a-0123456789ab/f", "account": ACCOUNT, "user_id": "A:f",
            "role_arn": ROLE, "tags": {}, "boundary": None, "expires_at_s": self.expires_at_s,
            "identity": [["policy own", json.dumps({"Version": "2012-10-17", "Statement": statements})]],
        }  # fmt: skip


def scope(service: str, region: str = "us-east-1", key: str = "K") -> bytes:
    credential = f"{key}/20260101/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00".encode()


def asked(
    service: str, body: Any = b"", *more: tuple[bytes, bytes], method: str = "POST", path: str = "/",
    target: str = "", region: str = "us-east-1",
) -> HttpRequest:  # fmt: skip
    headers = [(b"Authorization", scope(service, region)), *more]
    if target:
        headers.append((b"X-Amz-Target", target.encode()))
    return HttpRequest(method, path, headers, body if isinstance(body, bytes) else json.dumps(body).encode(), SPEC)


def run(request: HttpRequest, moto: Moto | None = None) -> tuple[HttpResponse, HttpRequest | None]:
    seen: list[HttpRequest] = []

    async def forward(forwarded: HttpRequest) -> HttpResponse:
        seen.append(forwarded)
        return HttpResponse(200)

    guard = IamGuard(Knowledge(moto or Moto()), ACCOUNT, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    response = asyncio.run(guard(request, forward))
    return response, seen[0] if seen else None


FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
GET_ITEM = {"TableName": "t", "Key": {"pk": {"S": "a"}}}
PUT = "Logs_20140328.PutLogEvents"
GET = "DynamoDB_20120810.GetItem"


def test_only_what_was_checked_goes_on() -> None:
    request = asked("logs", LOGS, (b"X-Moto-Account-Id", b"2"), (b"Host", b"s3"),
                    (b"User-Agent", b"region/eu-west-1"), target=PUT, path="/b/k?Action=CreateUser")  # fmt: skip
    response, seen = run(request)
    assert response.status == 200
    # The very object: the server tells it that the caller has hung up.
    assert seen is request
    assert (seen.method, seen.target, json.loads(seen.body), seen.identity) == ("POST", "/", LOGS, SPEC)
    assert [name.lower() for name, _ in seen.headers] == [
        b"host",
        b"authorization",
        b"x-amz-target",
        b"content-type",
    ]
    _, seen = run(asked("sqs", b"Action=SendMessage&MessageBody=a%26b", FORM, path=f"/{ACCOUNT}/q"))
    assert seen is not None
    assert (seen.target, seen.body) == (
        "/", f"Action=SendMessage&MessageBody=a%26b&QueueUrl=%2F{ACCOUNT}%2Fq".encode(),
    )  # fmt: skip


ALLOWED_REQUESTS = [
    asked("dynamodb", GET_ITEM, target=GET),
    asked("sqs", {"QueueUrl": f"http://x/{ACCOUNT}/q"}, target="AmazonSQS.ReceiveMessage"),
    asked("s3", method="GET", path="/b/mine/k"),
    asked("s3", method="PUT", path="/b/mine/a%2Fb%20c"),
    asked("lambda", b"{}", path="/2015-03-31/functions/g/invocations"),
    asked("sts", b"Action=GetCallerIdentity&Version=2011-06-15", FORM),
]
TWICE = b'{"TableName": "t", "TableName": "secret", "Key": {"pk": {"S": "a"}}}'
REFUSED_REQUESTS = [
    # Two targets, two spellings of one, a target of another service, none.
    asked("dynamodb", GET_ITEM, (b"x-amz-target", b"DynamoDB_20120810.Scan"), target=GET),
    asked("dynamodb", GET_ITEM, (b"x_amz_target", b"DynamoDB_20120810.Scan"), target=GET),
    asked("dynamodb", LOGS, target=PUT),
    asked("logs", LOGS, target="DynamoDB_20120810.PutLogEvents"),
    asked("logs", {**LOGS, "logGroupName": "/aws/lambda/f:x"}, target=PUT),
    asked("logs", {**LOGS, "logGroupName": ["/aws/lambda/f"]}, target=PUT),
    asked("logs", {**LOGS, "logGroupName": "/aws/lambda/g"}, target=PUT),
    asked("logs", LOGS, target=PUT, region="eu-west-1"),
    asked("dynamodb", GET_ITEM),
    # Names twice; bodies that are none.
    asked("dynamodb", TWICE, target=GET),
    asked("dynamodb", b'{"TableName": "u", "TableName": "t", "Key": {"pk": {"S": "a"}}}', target=GET),
    asked("dynamodb", b"[]", target=GET),
    asked("dynamodb", b"{", target=GET),
    asked("dynamodb", b"[" * 100_000, target=GET),
    asked("sqs", f"Action=SendMessage&QueueUrl=/{ACCOUNT}/q&QueueUrl=/{ACCOUNT}/p".encode(), FORM),
    asked("sqs", f"Action=SendMessage&QueueUrl=/{ACCOUNT}/q".encode(), FORM, path="/?Action=DeleteQueue"),
    asked("sqs", b"Action=SendMessage", FORM, path=f"/{ACCOUNT}/p"),
    asked("sqs", b"Action=SendMessage", (b"Content-Type", b"multipart/form-data"), path=f"/{ACCOUNT}/q"),
    asked("sqs", {"QueueUrl": "http://x/999999999999/q"}, target="AmazonSQS.ReceiveMessage"),
    # Another table, region, account, and what hides among what is allowed.
    asked("dynamodb", {**GET_ITEM, "TableName": "u"}, target=GET),
    asked("dynamodb", {**GET_ITEM, "TableName": ["t"]}, target=GET),
    asked("dynamodb", {**GET_ITEM, "TableName": "arn:aws:dynamodb:us-east-1:999999999999:table/t"}, target=GET),
    asked("dynamodb", {"RequestItems": {"t": {}, "u": {}}}, target="DynamoDB_20120810.BatchGetItem"),
    asked("dynamodb", {"RequestItems": []}, target="DynamoDB_20120810.BatchGetItem"),
    asked("dynamodb", {"TransactItems": [{"Get": GET_ITEM, "Put": {"TableName": "u"}}]},
          target="DynamoDB_20120810.TransactGetItems"),
    asked("dynamodb", {"Statement": 'SELECT "x FROM t b" FROM u'}, target="DynamoDB_20120810.ExecuteStatement"),
    asked("dynamodb", {"Statement": "SELECT ' FROM t ' FROM u"}, target="DynamoDB_20120810.ExecuteStatement"),
    # Addresses.
    asked("s3", method="GET", path="/b/other"),
    asked("s3", method="GET", path="/b/mine/../other"),
    asked("s3", method="GET", path="/b/mine/%2e%2e/other"),
    asked("s3", method="GET", path="//b/mine/k"),
    asked("s3", method="GET", path="http://127.0.0.1/b/mine/k"),
    asked("s3", method="GET", path="/b/mine/%ff"),
    asked("s3", method="GET", path="/b/mine/k?acl&tagging"),
    asked("s3", method="GET", path="/b/mine/k?acl&acl"),
    asked("s3", b"", (b"x-amz-copy-source", b"/b/other"), method="PUT", path="/b/mine/k"),
    asked("s3", b"", (b"x-amz-copy-source", b"/b/other#/b/mine/k"), method="PUT", path="/b/mine/k"),
    asked("s3", b"", (b"x-amz-copy-source", b"/b/mine/k"), (b"X-Amz-Copy-Source", b"/b/other"), method="PUT",
          path="/b/mine/k"),
    asked("s3", b"", (b"x-amz-copy-source", b"/c/secret#.txt"), method="PUT", path="/b/mine/k"),
    asked("s3", b"{}", path="/2015-03-31/functions/h/invocations"),
    asked("s3", b"{}", path="/2015-03-31/functions/h/invocations?uploadId=1"),
    asked("lambda", b"{}", path="/2015-03-31/functions/h/invocations"),
    asked("lambda", b"{}", path="/2015-03-31/functions/g:live/invocations"),
    asked("lambda", b"{}", path="/2015-03-31/functions/g/invocations?Qualifier=live"),
    asked("lambda", b"{}", path="/2015-03-31/functions/g/invocations", region="eu-west-1"),
    asked("lambda", b"{}", path="/2015-03-31/functions/g/../h/invocations"),
    # Services and operations that nobody here knows.
    asked("dynamodb", {}, target="DynamoDB_20120810.Newest"),
    asked("events", {}, target="AWSEvents.ListRules"),
    asked("apigateway", method="GET", path="/restapis"),
    asked("iam", b"Action=ListUsers", FORM),
    HttpRequest("POST", "/", [(b"Authorization", scope("logs")), (b"Authorization", scope("dynamodb")),
                              (b"X-Amz-Target", PUT.encode())], json.dumps(LOGS).encode(), SPEC),
    HttpRequest("POST", "/", [(b"X-Amz-Target", PUT.encode())], json.dumps(LOGS).encode(), SPEC),
]  # fmt: skip


@pytest.mark.parametrize("request_", ALLOWED_REQUESTS)
def test_allowed(request_: HttpRequest) -> None:
    response, seen = run(request_)
    assert (response.status, seen is None) == (200, False), response.body


@pytest.mark.parametrize("request_", REFUSED_REQUESTS)
def test_refused(request_: HttpRequest) -> None:
    response, seen = run(request_)
    assert (response.status in (400, 403), seen) == (True, None)
    assert b"not authorized to perform: " in response.body or b"could be read in two ways" in response.body


def test_a_role_that_is_gone_allows_nothing() -> None:
    response, seen = run(ALLOWED_REQUESTS[0], Moto(gone=True))
    assert (response.status, seen) == (400, None)
    assert b"assumed-role/a-0123456789ab/f is not authorized to perform: dynamodb:GetItem" in response.body


def test_a_session_ends() -> None:
    now_s = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    for expires_at_s, status in ((now_s + 1, 200), (now_s - 1, 400)):
        request = asked("dynamodb", GET_ITEM, target=GET)
        request.identity = None
        response, _ = run(request, Moto(expires_at_s=expires_at_s))
        assert response.status == status
    assert json.loads(response.body)["__type"] == "ExpiredTokenException"


def test_a_worker_is_never_the_owner() -> None:
    request = asked("dynamodb", {**GET_ITEM, "TableName": "u"}, target=GET)
    request.headers[0] = (b"Authorization", scope("dynamodb", key="local"))
    assert is_owner(request)
    assert run(request)[1] is None


def test_what_is_known_is_asked_once_until_something_changes() -> None:
    moto = Moto()
    knowledge = Knowledge(moto)

    async def forward(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200)

    async def all_of_it() -> list[int]:
        found = []
        for request in (
            asked("dynamodb", GET_ITEM, target=GET),
            asked("sqs", {}, target="AmazonSQS.SendMessage"),
            asked("s3", method="PUT", path="/b/k"),
            asked("iam", b"Action=ListUsers", FORM),
            asked("iam", b"Action=PutRolePolicy", FORM),
            asked("sqs", {}, target="AmazonSQS.SetQueueAttributes"),
            asked("s3", method="PUT", path="/b?policy"),
            asked("cloudformation", b"Action=UpdateStack", FORM),
            asked("lambda", b"{}", path="/2015-03-31/functions/f/policy"),
            asked("dynamodb", {}, target="DynamoDB_20120810.DeleteTable"),
        ):
            await ForgetOnChange(knowledge)(request, forward)
            await knowledge("iam/role", role_arn=ROLE, session_name="f")
            found.append(len(moto.asked))
        return found

    assert asyncio.run(all_of_it()) == [1, 1, 1, 1, 2, 3, 4, 5, 6, 7]
