"""Profiles of faults, what they decide, and what the middleware makes of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from infra.local.faults.calls import CallNames, FunctionKey
from infra.local.faults.decisions import Decisions
from infra.local.faults.middleware import Faults, InjectFaults, SourceWithFaults
from infra.local.faults.profile import FaultProfile, load_profile, profile_names
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.http import HttpRequest, HttpResponse
from services_ai_sdk.emulator.spec import Artifact, Credentials, FunctionSpec
from services_ai_sdk.wire.errors import InvalidInputError

ROLE = "arn:aws:iam::123456789012:role/plugins/fresh"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def spec(code: str = "old") -> FunctionSpec:
    artifact = Artifact(code, Path("/none"))
    return FunctionSpec("f", ARN, "$LATEST", code, "m.h", "python3.11", 3, 128, {}, artifact, (), "/g", ROLE)


class Source:
    """The function as moto has it now."""

    def __init__(self) -> None:
        self.now = spec("old")

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        return self.now

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        return Credentials("k", "s", "t")


class World:
    """A middleware over an upstream that says yes to everything."""

    def __init__(self, **profile: Any) -> None:
        self.clock = Clock()
        self.source = Source()
        self.faults = Faults("mine", FaultProfile.model_validate(profile), self.clock, self.clock.sleep)
        self.looked_up_after: list[float] = []
        self.middleware = InjectFaults(self.faults, self.source, self.looked_up_after.append)
        self.engine_source = SourceWithFaults(self.source, self.faults)
        self.answer: dict[str, Any] = {"FunctionArn": ARN, "Version": "$LATEST", "State": "Active"}
        self.status = 200

    async def upstream(self, request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)  # others come between, as over a network
        return HttpResponse(self.status, [], json.dumps(self.answer).encode())

    def send(self, request: HttpRequest) -> tuple[int, dict[str, Any]]:
        response = asyncio.run(self.middleware(request, self.upstream))
        return response.status, json.loads(response.body)

    def resolve(self) -> FunctionSpec:
        return asyncio.run(self.engine_source.resolve("f", None))


def call(service: str, method: str, target: str, body: Any = None, **headers: str) -> HttpRequest:
    signed = (
        f"AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/{service}/aws4_request, SignedHeaders=x, Signature=0"
    )
    pairs = [(b"Authorization", signed.encode())]
    pairs += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    text = body if isinstance(body, str) else json.dumps(body or {})
    return HttpRequest(method, target, pairs, text.encode())


CREATE = call("lambda", "POST", "/2015-03-31/functions", {"FunctionName": "f", "Role": ROLE})
UPDATE = call("lambda", "PUT", "/2015-03-31/functions/f/code", {"ZipFile": ""})
DRY_RUN = call("lambda", "PUT", "/2015-03-31/functions/f/code", {"ZipFile": "", "DryRun": True})
CONFIGURE = call("lambda", "PUT", "/2015-03-31/functions/f/configuration", {"Timeout": 4})
PUBLISH = call("lambda", "POST", f"/2015-03-31/functions/{ARN.replace(':', '%3A')}/versions")
GET = call("lambda", "GET", "/2015-03-31/functions/f/configuration?Qualifier=%24LATEST")
LIST = call("lambda", "GET", "/2015-03-31/functions/")
FORM = {"content_type": "application/x-www-form-urlencoded"}
MAKE_ROLE = call("iam", "POST", "/", "Action=CreateRole&RoleName=fresh", **FORM)
GET_ITEM = call("dynamodb", "POST", "/", {}, x_amz_target="DynamoDB_20120810.GetItem")


def test_the_profiles_that_come_with_the_local_cloud_can_be_loaded() -> None:
    assert "aws-like" in profile_names()
    for name in profile_names():
        assert load_profile(name)[0] == name
    aws_like = load_profile("aws-like")[1]
    assert 5 <= aws_like.role_spreads_s <= 10
    assert aws_like.function_life.create_s > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the file: Invalid JSON"),
        ('{"speed": 1}', "speed: Extra inputs are not permitted"),
        ('{"role_spreads_s": 61}', "role_spreads_s: Input should be less than or equal to 60"),
        ('{"failures": [{"service": "sqs", "kind": "unavailable", "rate": 2}]}', "failures[0].rate: Input should"),
        (
            '{"throttles": [{"service": "kafka", "rate_per_s": 1, "burst": 1}]}',
            "throttles[0].service: Input should",
        ),
        ('{"function_life": {"create_s": "soon"}}', "function_life.create_s: Input should be a valid number"),
    ],
)
def test_what_is_no_profile_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(InvalidInputError) as refused:
        load_profile(str(path))
    assert refused.value.code == "faults-invalid"
    assert said in refused.value.message
    assert str(path) in refused.value.message


def test_a_name_that_nobody_has_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InvalidInputError) as refused:
        load_profile("gcp-like")
    assert refused.value.code == "faults-unknown"
    assert "aws-like" in refused.value.hint


@pytest.mark.parametrize(
    ("request_", "action", "function"),
    [
        (CREATE, "CreateFunction", None),
        (LIST, "ListFunctions", None),
        (UPDATE, "UpdateFunctionCode", "f"),
        (CONFIGURE, "UpdateFunctionConfiguration", "f"),
        (PUBLISH, "PublishVersion", "f"),
        (GET, "GetFunctionConfiguration", "f"),
        (call("lambda", "GET", "/2015-03-31/functions/f"), "GetFunction", "f"),
        (call("lambda", "GET", "/2015-03-31/functions/123456789012:function:f:live"), "GetFunction", "f"),
        (call("lambda", "POST", f"/2017-03-31/tags/{ARN}"), "TagResource", "f"),
        (call("lambda", "GET", "/2018-10-31/layers"), "ListLayers", None),
        (call("lambda", "GET", "/2018-10-31/layers?find=LayerVersion&Arn=a"), "GetLayerVersionByArn", None),
        (call("lambda", "GET", "/nothing"), "", None),
        (MAKE_ROLE, "CreateRole", None),
        (GET_ITEM, "GetItem", None),
        (call("s3", "PUT", "/bucket/key"), "PUT", None),
    ],
)
def test_calls_are_named(request_: HttpRequest, action: str, function: str | None) -> None:
    named = CallNames().of(request_)
    assert named.action == action
    assert named.function == (FunctionKey("us-east-1", function) if function else None)


def test_a_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    clock = Clock()
    profile = FaultProfile.model_validate({"throttles": [{"service": "lambda", "rate_per_s": 15, "burst": 15}]})
    decisions = Decisions(profile, clock)
    assert [decisions.of("lambda", "ListFunctions").kind for _ in range(16)] == [None] * 15 + ["throttled"]
    clock.now_s += 1 / 15 + 1e-6
    assert decisions.of("lambda", "ListFunctions").kind is None
    assert decisions.of("lambda", "ListFunctions").kind == "throttled"
    assert decisions.of("iam", "GetRole").kind is None
    clock.now_s += 60
    assert [decisions.of("lambda", "x").kind for _ in range(16)].count(None) == 15


def test_the_first_bucket_that_fits_counts() -> None:
    profile = FaultProfile.model_validate(
        {
            "throttles": [
                {"service": "lambda", "actions": ["Get*"], "rate_per_s": 1, "burst": 3},
                {"service": "lambda", "rate_per_s": 1, "burst": 1},
            ]
        }
    )
    decisions = Decisions(profile, Clock())
    assert [decisions.of("lambda", "GetFunction").kind for _ in range(4)] == [None] * 3 + ["throttled"]
    assert decisions.of("lambda", "PublishVersion").kind is None


def chances(seed: int, others: int = 0) -> list[str | None]:
    rules = [
        {"service": "dynamodb", "actions": ["Put*"], "kind": "throttled", "rate": 0.1},
        {"service": "sqs", "kind": "unavailable", "rate": 0.5},
    ]
    decisions = Decisions(FaultProfile.model_validate({"seed": seed, "failures": rules}), Clock())
    found = []
    for _ in range(2000):
        for _ in range(others):
            decisions.of("sqs", "SendMessage")
        found.append(decisions.of("dynamodb", "PutItem").kind)
        assert decisions.of("dynamodb", "GetItem").kind is None
    return found


def test_the_same_seed_gives_the_same_failures_whatever_else_is_called() -> None:
    assert chances(1) == chances(1, others=3)
    assert chances(1) != chances(2)
    assert 140 < chances(1).count("throttled") < 260


def test_a_call_waits_before_it_is_answered() -> None:
    world = World(latency=[{"service": "dynamodb", "add_ms": 40, "jitter_ms": 20}])
    world.send(GET_ITEM)
    assert 100.040 <= world.clock.now_s < 100.060
    assert world.faults.status() == {"profile": "mine", "injected": {"dynamodb delayed": 1}}


def test_a_new_function_is_pending_and_then_active() -> None:
    world = World(function_life={"create_s": 2})
    status, created = world.send(CREATE)
    assert (status, created["State"], created["StateReasonCode"]) == (200, "Pending", "Creating")
    assert "LastUpdateStatus" not in created
    with pytest.raises(InvokeRefused) as refused:
        world.resolve()
    assert (refused.value.status, refused.value.error_type) == (409, "ResourceConflictException")
    status, conflict = world.send(UPDATE)
    assert status == 409
    assert conflict["message"].endswith("The function is currently in the following state: Pending")
    world.clock.now_s += 2
    assert world.send(GET)[1]["State"] == "Active"
    assert world.resolve().revision == "old"


def test_an_update_is_in_progress_the_old_code_goes_on_and_another_update_is_refused() -> None:
    world = World(function_life={"update_s": 1.5})
    assert world.send(UPDATE)[1]["LastUpdateStatus"] == "InProgress"
    world.source.now = spec("new")
    assert world.resolve().revision == "old"
    for request in (UPDATE, CONFIGURE, PUBLISH):
        status, conflict = world.send(request)
        assert status == 409
        assert conflict["message"] == (
            f"The operation cannot be performed at this time. An update is in progress for resource: {ARN}"
        )
    assert world.looked_up_after == [1.5]
    world.clock.now_s += 1.5
    assert world.resolve().revision == "new"
    assert "LastUpdateStatus" not in world.send(GET)[1]
    assert world.send(CONFIGURE)[0] == 200


def test_an_update_that_was_refused_or_tried_only_is_none() -> None:
    world = World(function_life={"update_s": 1.5})
    world.send(DRY_RUN)
    world.status = 400
    world.send(UPDATE)
    world.status = 200
    assert world.send(UPDATE)[0] == 200


def test_of_two_updates_at_once_one_is_refused() -> None:
    world = World(function_life={"update_s": 1.5})

    async def both() -> list[int]:
        answers = await asyncio.gather(*(world.middleware(UPDATE, world.upstream) for _ in range(2)))
        return sorted(answer.status for answer in answers)

    assert asyncio.run(both()) == [200, 409]


def test_a_version_is_pending_once() -> None:
    world = World(function_life={"publish_s": 1})
    world.answer = {"FunctionArn": f"{ARN}:1", "Version": "1", "State": "Active"}
    assert world.send(PUBLISH)[1]["State"] == "Pending"
    world.clock.now_s += 1
    assert world.send(PUBLISH)[1]["State"] == "Active"


def test_lists_show_the_same_states() -> None:
    world = World(function_life={"create_s": 2})
    world.send(CREATE)
    world.answer = {"Functions": [world.answer, {**world.answer, "FunctionArn": f"{ARN}2"}]}
    assert [one["State"] for one in world.send(LIST)[1]["Functions"]] == ["Pending", "Active"]


def test_a_deleted_functions_name_is_free() -> None:
    world = World(function_life={"create_s": 2})
    world.send(CREATE)
    world.send(call("lambda", "DELETE", "/2015-03-31/functions/f"))
    assert world.send(GET)[1]["State"] == "Active"


def test_a_fresh_role_cannot_be_assumed() -> None:
    world = World(role_spreads_s=8)
    world.send(MAKE_ROLE)
    status, refused = world.send(CREATE)
    assert status == 400
    assert refused["message"] == "The role defined for the function cannot be assumed by Lambda."
    world.clock.now_s += 8
    assert world.send(CREATE)[0] == 200
