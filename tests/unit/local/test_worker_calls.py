from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from infra.local.moto_client import MotoRefused
from infra.local.requests import form
from infra.local.worker_calls import NothingOfMotos, PluginRoles
from services_ai_sdk.access.policy import FunctionIdentity, role_policy
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse
from services_ai_sdk.emulator.spec import Artifact, FunctionSpec

NAME = "services-ai-plugin-a"
GROUP = f"/aws/lambda/{NAME}"
ROLE = "arn:aws:iam::123456789012:role/services-ai/plugins/a-0123456789ab"
POLICIES = {
    "identity": [role_policy(FunctionIdentity("aws", "us-east-1", "123456789012", NAME))],
    "boundary": {"Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]},
}
SPEC = FunctionSpec(
    NAME, f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}", "1", "1", "h", "python3.11", 3, 128, {},
    Artifact("0", Path("x")), (), GROUP, ROLE,
)  # fmt: skip
WRITE = {"logGroupName": GROUP, "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "m"}]}


class Moto:
    def __init__(self, policies: Any = POLICIES) -> None:
        self.policies = policies

    async def call(self, operation: str, **request: Any) -> Any:
        assert (operation, request) == ("role", {"role_arn": ROLE})
        if self.policies is None:
            raise MotoRefused(404, "NoSuchEntity", "gone")
        return self.policies


def signature(service: str, region: str = "us-east-1") -> bytes:
    return (
        f"AWS4-HMAC-SHA256 Credential=K/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=00"
    ).encode()


def asked(
    service: str,
    target: str = "",
    body: bytes = b"{}",
    *more: tuple[bytes, bytes],
    method: str = "POST",
    path: str = "/",
    spec: FunctionSpec | None = SPEC,
    region: str = "us-east-1",
) -> HttpRequest:
    headers = [(b"Authorization", signature(service, region)), *more]
    if target:
        headers.append((b"X-Amz-Target", target.encode()))
    return HttpRequest(method, path, headers, body, spec)


def query(service: str, action: str) -> HttpRequest:
    body = f"Action={action}&Version=2010-05-08".encode()
    return asked(service, "", body, (b"Content-Type", b"application/x-www-form-urlencoded"))


def logs(fields: Any, action: str = "PutLogEvents", *more: tuple[bytes, bytes], **where: Any) -> HttpRequest:
    return asked("logs", f"Logs_20140328.{action}", json.dumps(fields).encode(), *more, **where)


def run(
    request: HttpRequest, moto: Moto | None = None, guard: Any = None
) -> tuple[HttpResponse, HttpRequest | None]:
    seen: list[HttpRequest] = []

    async def forward(forwarded: HttpRequest) -> HttpResponse:
        seen.append(forwarded)
        return HttpResponse(200)

    response = asyncio.run((guard or PluginRoles(moto or Moto()))(request, forward))
    return response, seen[0] if seen else None


def test_a_plugin_writes_to_its_own_log_and_only_what_was_checked_goes_on() -> None:
    for action in ("PutLogEvents", "CreateLogStream"):
        request = logs(
            WRITE, action, (b"X-Moto-Account-Id", b"2"), (b"Host", b"s3"), path="/bucket/key?Action=CreateUser"
        )
        request.headers.append((b"x-amz-target", b"DynamoDB_20120810.Scan"))
        response, seen = run(request)
        assert response.status == 200
        assert seen is not None
        assert (seen.method, seen.target, json.loads(seen.body), seen.identity) == ("POST", "/", WRITE, SPEC)
        assert sorted(name.lower() for name, _ in seen.headers) == [
            b"authorization", b"content-type", b"host", b"x-amz-target",
        ]  # fmt: skip
        assert seen.header("x-amz-target") == f"Logs_20140328.{action}"


@pytest.mark.parametrize(
    "request_",
    [
        logs({**WRITE, "logGroupName": "/aws/lambda/other"}),
        logs({**WRITE, "logGroupName": f"{GROUP}:x"}),
        logs({**WRITE, "logGroupName": [GROUP]}),
        logs({**WRITE, "logStreamName": "a:*"}),
        logs({}),
        logs([]),
        logs(WRITE, "DeleteLogGroup"),
        logs(WRITE, "CreateLogGroup"),
        logs(WRITE, region="eu-west-1"),
        asked("logs", "DynamoDB_20120810.PutLogEvents", json.dumps(WRITE).encode()),
        asked("dynamodb", "Logs_20140328.PutLogEvents", json.dumps(WRITE).encode()),
        asked("dynamodb", "DynamoDB_20120810.PutItem"),
        asked("sqs", "AmazonSQS.SendMessage"),
    ],
)
def test_denied_in_the_json_protocol(request_: HttpRequest) -> None:
    response, seen = run(request_)
    assert seen is None
    assert response.status == 400
    answer = json.loads(response.body)
    assert answer["__type"] == "AccessDeniedException"
    assert "assumed-role/a-0123456789ab/services-ai-plugin-a is not authorized to perform: " in answer["message"]


@pytest.mark.parametrize(
    ("service", "action"),
    [("iam", "CreateUser"), ("sts", "AssumeRole"), ("sns", "Publish"), ("cloudformation", "CreateStack")],
)
def test_denied_in_the_query_protocol(service: str, action: str) -> None:
    response, seen = run(query(service, action))
    assert seen is None
    assert response.status == 403
    assert b"<Code>AccessDenied</Code>" in response.body
    assert f"perform: {service}:{action} on resource: *".encode() in response.body


def test_denied_where_the_path_says_what_is_asked() -> None:
    response, seen = run(asked("s3", method="PUT", path="/bucket/key"))
    assert (response.status, seen) == (403, None)
    assert response.body.startswith(b"<Error><Code>AccessDenied</Code>")
    response, seen = run(asked("lambda", path="/2015-03-31/functions/f/invocations"))
    assert (response.status, seen) == (403, None)
    assert response.header("x-amzn-errortype") == "AccessDeniedException"
    presigned = HttpRequest("GET", "/b/k?X-Amz-Credential=K/20260101/us-east-1/s3/aws4_request", identity=SPEC)
    response, seen = run(presigned)
    assert (response.status, seen) == (403, None)


def test_who_it_is_may_always_be_asked() -> None:
    request = query("sts", "GetCallerIdentity")
    request.target = "/?Action=AssumeRole"
    response, seen = run(request)
    assert response.status == 200
    assert seen is not None
    assert form(seen) == {"Action": "GetCallerIdentity", "Version": "2010-05-08"}
    assert seen.target == "/"


def test_a_role_that_is_gone_or_has_no_policy_allows_nothing() -> None:
    assert run(logs(WRITE), Moto(None))[0].status == 400
    assert run(logs(WRITE), Moto({"identity": [], "boundary": None}))[0].status == 400


def test_functions_of_the_platform_and_callers_from_outside_pass() -> None:
    platform = SPEC.replace(role_arn="arn:aws:iam::123456789012:role/services-ai-DispatcherRole")
    for spec in (platform, None):
        request = asked("dynamodb", "DynamoDB_20120810.PutItem", spec=spec)
        assert run(request)[1] is request


@pytest.mark.parametrize(
    "name", [b"x-moto-account-id", b"X-Moto-Account-Id", b"x_moto_account_id", b"X-Moto_Anything"]
)
def test_moto_s_headers_are_taken_away(name: bytes) -> None:
    request = asked("dynamodb", "DynamoDB_20120810.Scan", b"{}", (name, b"999999999999"))
    _, seen = run(request, guard=NothingOfMotos())
    assert seen is not None
    assert [one.lower() for one, _ in seen.headers] == [b"authorization", b"x-amz-target"]


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "//moto-api/", "/%6Doto-api/reset", "/x/../moto-api/data.json"]
)
def test_moto_s_paths_are_closed(path: str) -> None:
    response, seen = run(asked("s3", path=path), guard=NothingOfMotos())
    assert (response.status, seen) == (403, None)
