"""Plan and execute against moto's API surface; running functions is moto's canned answer here."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.awslambda_simple.models import lambda_simple_backends

from control_plane.operations.ports import Earlier, Release, StoredObject
from infra.deploy.clients import Clients
from infra.deploy.deployer import AwsDeployer
from infra.deploy.plan import Action
from infra.deploy.platform import Isolation, Platform
from infra.deploy.removal import AwsRemover
from infra.deploy.rollback import AwsRollback
from infra.deploy.waiting import Waiting
from infra.names import Names, profile_in
from services_ai_sdk.access.grants import Grants
from services_ai_sdk.access.own_resources import Shared
from services_ai_sdk.manifest.model import Manifest
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, PlatformError
from services_ai_sdk.wire.result import Result

NOTHING = Grants()
ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "artifacts"


def zipped(content: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            zipfile.ZipInfo("main.py"), content
        )  # no time of day in it: the same content, the same bytes
    return buffer.getvalue()


def manifest(**changes: Any) -> Manifest:
    base = {
        "id": "scorer",
        "name": "Scorer",
        "version": "1.0.0",
        "description": "Scores leads",
        "author": "A",
        "email": "a@example.com",
        "plugin_class": "Scorer",
        "python": "python3.12",
        "hooks": [{"name": "lead_created"}],
    }
    return Manifest.model_validate({**base, **changes})


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class World:
    def __init__(self) -> None:
        self.session = boto3.Session(aws_access_key_id="k", aws_secret_access_key="s", region_name=REGION)
        self.clients = Clients.from_session(self.session)
        self.clients.s3.create_bucket(Bucket=BUCKET)
        boundary = self.clients.iam.create_policy(
            PolicyName="boundary",
            PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
            ),
        )["Policy"]["Arn"]
        layer = self.clients.lambda_.publish_layer_version(
            LayerName="runtime", Content={"ZipFile": zipped("x = 1")}
        )
        self.platform = Platform(
            Names(), "aws", REGION, ACCOUNT, BUCKET, boundary, layer["LayerVersionArn"],
            Shared("plugins", "files", "plugins@example.com"),
        )  # fmt: skip
        self.time = Time()
        self.deployer = AwsDeployer(self.clients, self.platform, Waiting(self.time.clock, self.time.sleep))
        self.answer_invoke_with(json.dumps(Result(None).to_dict()))

    def answer_invoke_with(self, payload: str) -> None:
        lambda_simple_backends[ACCOUNT][REGION].lambda_simple_results_queue.append(payload)

    def store(self, key: str, body: bytes) -> StoredObject:
        self.clients.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return StoredObject(BUCKET, key, hashlib.sha256(body).hexdigest())

    def release(
        self, code: str = "a = 1", layer: str | None = "b = 1", grants: Grants = NOTHING, **changes: Any
    ) -> Release:
        return Release(
            manifest(**changes),
            self.store("package.zip", zipped(code)),
            self.store("layer.zip", zipped(layer)) if layer else None,
            grants=grants,
        )


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield World()


def actions(plan: Any) -> list[str]:
    return [str(step.action) for step in plan.steps]


def quiet(_: str) -> None:
    return None


class Stops:
    """A boto3 client whose process dies before one kind of call."""

    def __init__(self, client: Any, before: str) -> None:
        self._client = client
        self._before = before

    def __getattr__(self, name: str) -> Any:
        if name == self._before:
            raise KeyboardInterrupt
        return getattr(self._client, name)


@pytest.mark.parametrize(
    ("service", "before", "mended"),
    [("iam", "put_role_policy", "create-role"), ("logs", "put_retention_policy", "create-log-group")],
)
def test_what_a_deploy_left_half_made_is_mended(world: World, service: str, before: str, mended: str) -> None:
    release = world.release()
    stopping = replace(world.clients, **{service: Stops(getattr(world.clients, service), before)})
    deployer = AwsDeployer(stopping, world.platform, Waiting(world.time.clock, world.time.sleep))
    stopped = deployer.plan(release)
    with pytest.raises(KeyboardInterrupt):
        deployer.execute(stopped, quiet)
    plan = world.deployer.plan(release)
    assert mended in actions(plan)
    done = world.deployer.execute(plan, quiet)
    role = done.role_arn.rsplit("/", 1)[1]
    assert world.clients.iam.get_role_policy(RoleName=role, PolicyName="plugin")["PolicyDocument"]["Statement"]
    groups = world.clients.logs.describe_log_groups()["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [30]
    assert actions(world.deployer.plan(release)) == []


def test_a_role_whose_boundary_was_taken_off_gets_it_back(world: World) -> None:
    release = world.release()
    done = world.deployer.execute(world.deployer.plan(release), quiet)
    role = done.role_arn.rsplit("/", 1)[1]
    world.clients.iam.delete_role_permissions_boundary(RoleName=role)
    plan = world.deployer.plan(release)
    assert actions(plan) == ["create-role"]
    world.deployer.execute(plan, quiet)
    found = world.clients.iam.get_role(RoleName=role)["Role"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == world.platform.boundary_arn


def test_a_first_deploy_makes_role_layer_function_version_and_alias(world: World) -> None:
    lines: list[str] = []
    plan = world.deployer.plan(world.release())
    done = world.deployer.execute(plan, lines.append)

    assert actions(plan) == [
        "create-role", "create-log-group", "publish-layer", "put-profile", "create-function",
        "publish-version", "smoke-call", "move-live",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines] == actions(plan)
    assert done.smoke == "passed"
    assert done.alias_arn == f"{done.function_arn}:live"
    live = world.clients.lambda_.get_function_configuration(FunctionName=done.function_arn, Qualifier="live")
    assert live["Version"] == done.function_version == "1"
    assert [layer["Arn"] for layer in live["Layers"]] == list(done.layer_arns)
    assert live["Handler"] == "services_ai_sdk.plugin.handler.handle"
    assert "Environment" not in live, "plugin functions carry no environment variables of ours"

    role = world.clients.iam.get_role(RoleName=done.role_arn.rsplit("/", 1)[1])["Role"]
    assert role["Path"] == "/services-ai/plugins/"
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == world.platform.boundary_arn
    policy = world.clients.iam.get_role_policy(RoleName=role["RoleName"], PolicyName="plugin")["PolicyDocument"]
    (statement,) = policy["Statement"]
    assert statement["Resource"].endswith(":log-group:/aws/lambda/services-ai-plugin-scorer:*")
    trust = role["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}

    profile_key = profile_in(live["Description"])
    profile = json.loads(world.clients.s3.get_object(Bucket=BUCKET, Key=profile_key)["Body"].read())
    assert profile["network"] == "none"
    retention = world.clients.logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/services-ai-plugin-scorer")
    assert retention["logGroups"][0]["retentionInDays"] == 30


def test_the_same_release_again_has_nothing_to_do(world: World) -> None:
    release = world.release()
    first = world.deployer.execute(world.deployer.plan(release), quiet)
    plan = world.deployer.plan(release)
    again = world.deployer.execute(plan, quiet)

    assert actions(plan) == []
    assert (again.function_version, again.layer_arns) == (first.function_version, first.layer_arns)
    assert (first.smoke, again.smoke) == ("passed", ""), "no call was made: what the first one found stands"


def test_planning_changes_nothing(world: World) -> None:
    world.deployer.plan(world.release())

    assert world.clients.iam.list_roles(PathPrefix="/services-ai/")["Roles"] == []
    assert world.clients.lambda_.list_functions()["Functions"] == []


def test_an_update_changes_only_what_differs_and_moves_live(world: World) -> None:
    world.deployer.execute(world.deployer.plan(world.release()), quiet)
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    plan = world.deployer.plan(world.release(code="a = 2", version="1.1.0", limits={"memory_mb": 512}))
    done = world.deployer.execute(plan, quiet)

    assert actions(plan) == [
        "put-profile", "update-code", "update-configuration",
        "publish-version", "smoke-call", "move-live",
    ]  # fmt: skip
    (change,) = [step for step in plan.steps if step.action is Action.UPDATE_CONFIGURATION]
    assert change.why == "differs: Description, MemorySize"
    live = world.clients.lambda_.get_function_configuration(FunctionName=done.function_arn, Qualifier="live")
    assert (live["Version"], live["MemorySize"]) == ("2", 512)


def test_each_version_keeps_the_sandbox_profile_it_was_deployed_with(world: World) -> None:
    world.deployer.execute(world.deployer.plan(world.release()), quiet)
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    release = world.release(code="a = 2", version="1.1.0", limits={"memory_mb": 512})
    world.deployer.execute(world.deployer.plan(release), quiet)
    memories = []
    for qualifier in ("1", "2", "$LATEST"):
        found = world.clients.lambda_.get_function_configuration(
            FunctionName="services-ai-plugin-scorer", Qualifier=qualifier
        )
        stored = world.clients.s3.get_object(Bucket=BUCKET, Key=profile_in(found["Description"]))
        memories.append(json.loads(stored["Body"].read())["memory_mb"])
    assert memories == [256, 512, 512]


def two_versions(world: World) -> tuple[AwsRollback, Earlier]:
    """1.1.0 is live; how to go back to 1.0.0."""
    first = world.deployer.execute(world.deployer.plan(world.release()), quiet)
    for _ in range(2):
        world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    world.deployer.execute(world.deployer.plan(world.release(code="a = 2", version="1.1.0")), quiet)
    rollback = AwsRollback(world.clients, world.platform, Waiting(world.time.clock, world.time.sleep))
    return rollback, Earlier("scorer", "1.0.0", first.function_version, first.role_arn, ())


def live_version(world: World) -> str:
    alias = world.clients.lambda_.get_alias(FunctionName="services-ai-plugin-scorer", Name="live")
    return str(alias["FunctionVersion"])


def test_a_rollback_moves_live_after_a_smoke_call_and_again_does_nothing(world: World) -> None:
    rollback, earlier = two_versions(world)
    plan = rollback.plan_rollback(earlier)
    assert actions(plan) == ["smoke-call", "move-live"]
    assert live_version(world) == "2", "a plan changes nothing"
    assert rollback.roll_back(plan, quiet) == "passed"
    assert live_version(world) == "1"
    again = rollback.plan_rollback(earlier)
    assert (actions(again), rollback.roll_back(again, quiet)) == ([], "")


def test_a_rollback_to_what_does_not_start_any_more_leaves_live(world: World) -> None:
    rollback, earlier = two_versions(world)
    answer_with_error(world.clients.invoke, {"errorMessage": "2026-01-01 Task timed out after 3.00 seconds"})
    with pytest.raises(FindingsError, match=r"scorer 1\.0\.0 does not start"):
        rollback.roll_back(rollback.plan_rollback(earlier), quiet)
    assert live_version(world) == "2"


@pytest.mark.parametrize("gone", ["version", "role"])
def test_a_rollback_to_what_is_gone_says_what_is(world: World, gone: str) -> None:
    rollback, earlier = two_versions(world)
    if gone == "version":
        world.clients.lambda_.delete_function(FunctionName="services-ai-plugin-scorer", Qualifier="1")
    else:
        role = earlier.role_arn.rsplit("/", 1)[1]
        world.clients.iam.delete_role_policy(RoleName=role, PolicyName="plugin")
        world.clients.iam.delete_role(RoleName=role)
    with pytest.raises(InvalidInputError, match="is no longer there") as caught:
        rollback.plan_rollback(earlier)
    assert "approve scorer --version 1.0.0" in caught.value.hint


def remover(world: World) -> AwsRemover:
    return AwsRemover(world.clients, world.platform, Waiting(world.time.clock, world.time.sleep))


def test_a_removal_takes_all_that_deploys_made_and_lists_nothing_afterwards(world: World) -> None:
    rollback, _ = two_versions(world)
    del rollback
    found = remover(world)
    plan = found.plan_removal("scorer", ())
    assert [str(step.action) for step in plan.steps] == [
        "delete-function", "delete-role", "delete-log-group", "delete-layer",
    ]  # fmt: skip
    found.remove(plan, quiet)
    assert (
        found.plan_removal("scorer", [step.target for step in plan.steps if step.action == "delete-layer"]).steps
        == ()
    )
    assert world.clients.lambda_.list_functions(FunctionVersion="ALL")["Functions"] == []
    assert world.clients.iam.list_roles(PathPrefix="/services-ai/")["Roles"] == []
    assert world.clients.logs.describe_log_groups()["logGroups"] == []
    runtime = world.clients.lambda_.list_layer_versions(LayerName="runtime")["LayerVersions"]
    assert len(runtime) == 1, "the platform's own layer stays"
    found.remove(plan, quiet)
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    assert world.deployer.execute(world.deployer.plan(world.release()), quiet).smoke == "passed"


def test_a_removal_takes_the_plugin_s_queue_with_it(world: World) -> None:
    release = world.release(capabilities=["queue"], grants=Grants(capabilities=("queue",)))
    done = world.deployer.execute(world.deployer.plan(release), quiet)
    plan = remover(world).plan_removal("scorer", done.layer_arns)
    assert "delete-queue" in [str(step.action) for step in plan.steps]
    remover(world).remove(plan, quiet)
    assert world.clients.sqs.list_queues().get("QueueUrls", []) == []
    assert remover(world).plan_removal("scorer", done.layer_arns).steps == ()


@pytest.mark.parametrize(
    ("service", "before"),
    [("iam", "delete_role"), ("logs", "delete_log_group"), ("lambda_", "delete_layer_version")],
)
def test_a_removal_that_was_stopped_goes_on(world: World, service: str, before: str) -> None:
    done = world.deployer.execute(world.deployer.plan(world.release()), quiet)
    stopping = replace(world.clients, **{service: Stops(getattr(world.clients, service), before)})
    stopped = AwsRemover(stopping, world.platform, Waiting(world.time.clock, world.time.sleep))
    with pytest.raises(KeyboardInterrupt):
        stopped.remove(stopped.plan_removal("scorer", ()), quiet)
    rest = remover(world).plan_removal("scorer", done.layer_arns)
    assert [str(step.action) for step in rest.steps][-1] == "delete-layer", (
        "what a gone function used is still known"
    )
    remover(world).remove(rest, quiet)
    assert remover(world).plan_removal("scorer", done.layer_arns).steps == ()


def test_a_layer_that_another_plugin_uses_stays_and_so_does_that_plugin(world: World) -> None:
    world.deployer.execute(world.deployer.plan(world.release()), quiet)
    for _ in range(2):
        world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    other = world.deployer.execute(world.deployer.plan(world.release(id="scorer-two")), quiet)
    plan = remover(world).plan_removal("scorer", other.layer_arns)
    assert plan.kept == ((other.layer_arns[1], "services-ai-plugin-scorer-two uses it"),)
    remover(world).remove(plan, quiet)
    assert actions(world.deployer.plan(world.release(id="scorer-two"))) == []


def test_plugins_with_the_same_dependencies_share_a_layer(world: World) -> None:
    one = world.deployer.execute(world.deployer.plan(world.release()), quiet)
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    plan = world.deployer.plan(world.release(id="other"))
    other = world.deployer.execute(plan, quiet)

    assert "publish-layer" not in actions(plan)
    assert other.layer_arns == one.layer_arns
    assert other.role_arn != one.role_arn


def test_a_plugin_without_dependencies_has_the_runtime_layer_only(world: World) -> None:
    done = world.deployer.execute(world.deployer.plan(world.release(layer=None)), quiet)
    assert done.layer_arns == (world.platform.runtime_layer_arn,)


@pytest.mark.parametrize(
    "answer",
    ['{"errorMessage": "x"}', "null", "[]", "no json", '{"v": 1, "ok": true}', '{"v": 2, "ok": true, "value": 1}'],
)
def test_a_smoke_call_that_answers_no_result_leaves_live_where_it_was(world: World, answer: str) -> None:
    before = world.deployer.execute(world.deployer.plan(world.release()), quiet)
    world.answer_invoke_with(answer)
    with pytest.raises(FindingsError, match=r"scorer 1\.0\.0") as caught:
        world.deployer.execute(world.deployer.plan(world.release(code="a = 3")), quiet)

    assert caught.value.code == "smoke-failed"
    alias = world.clients.lambda_.get_alias(FunctionName=before.function_arn, Name="live")
    assert alias["FunctionVersion"] == before.function_version


def answer_with_error(client: Any, payload: Any) -> None:
    """Makes Invoke answer with a FunctionError, as Lambda does for a plugin that raises."""

    def answer(**_: Any) -> Any:
        body = io.BytesIO(json.dumps(payload).encode())
        return AWSResponse("", 200, {}, body), {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": body}

    client.meta.events.register("before-call.lambda.Invoke", answer)


def test_a_plugin_that_does_not_start_is_told_with_its_line(world: World) -> None:
    failure = {
        "v": 1, "type": "KeyError", "message": "'SCORER_KEY'", "category": "import_error",
        "frames": [{"file": "main.py", "line": 4, "function": "<module>", "in_app": True,
                    "source": [[4, 'KEY = os.environ["SCORER_KEY"]']]}],
    }  # fmt: skip
    payload = {"errorType": "KeyError", "errorMessage": json.dumps(failure), "stackTrace": []}
    answer_with_error(world.clients.invoke, payload)
    with pytest.raises(FindingsError) as caught:
        world.deployer.execute(world.deployer.plan(world.release()), quiet)

    assert caught.value.message.splitlines() == [
        "scorer 1.0.0 does not start: KeyError: 'SCORER_KEY'",
        "  at main.py:4 in <module>:",
        '      KEY = os.environ["SCORER_KEY"]',
    ]
    assert json.loads(json.dumps(caught.value.details["failure"])) == failure
    assert "services-ai-admin why scorer" in caught.value.hint


def test_a_process_that_died_at_the_start_is_told_too(world: World) -> None:
    answer_with_error(world.clients.invoke, {"errorMessage": "2026-01-01 Task timed out after 3.00 seconds"})
    with pytest.raises(FindingsError, match=r"does not start: Sandbox\.Timedout") as caught:
        world.deployer.execute(world.deployer.plan(world.release()), quiet)
    assert caught.value.details["failure"]["category"] == "timeout_error"


def refuse_once(client: Any, operation: str, code: str, message: str, times: int = 1) -> list[int]:
    """Makes the transport answer an operation with an error, so many times."""
    calls: list[int] = []

    def before_call(**_: Any) -> Any:
        calls.append(1)
        if len(calls) <= times:
            raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

    client.meta.events.register(f"before-call.lambda.{operation}", before_call)
    return calls


ROLE_NOT_SPREAD = "The role defined for the function cannot be assumed by Lambda."


def test_a_fresh_role_that_has_not_spread_is_waited_for(world: World) -> None:
    calls = refuse_once(
        world.clients.lambda_, "CreateFunction", "InvalidParameterValueException", ROLE_NOT_SPREAD, times=3
    )
    done = world.deployer.execute(world.deployer.plan(world.release()), quiet)

    assert len(calls) == 4
    assert done.function_version == "1"
    assert world.time.now_s >= 0.5 + 1 + 2


IN_PROGRESS = "The operation cannot be performed at this time. An update is in progress for resource: arn"
PENDING = (
    "The operation cannot be performed at this time. The function is currently in the following state: Pending"
)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("UpdateFunctionCode", IN_PROGRESS),
        ("UpdateFunctionConfiguration", PENDING),
        ("PublishVersion", PENDING),
    ],
)
def test_a_function_that_a_stopped_deploy_left_unsettled_is_waited_for(
    world: World, operation: str, message: str
) -> None:
    world.deployer.execute(world.deployer.plan(world.release()), quiet)
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    calls = refuse_once(world.clients.lambda_, operation, "ResourceConflictException", message, times=2)
    said: list[str] = []
    plan = world.deployer.plan(world.release(code="a = 2", version="1.1.0", limits={"memory_mb": 512}))
    done = world.deployer.execute(plan, said.append)
    assert done.function_version == "2"
    assert len(calls) == 3
    assert [line for line in said if line.startswith("waiting")] == [
        "waiting: the function is still being made or updated"
    ]


def test_a_function_that_is_there_already_is_not_waited_for(world: World) -> None:
    message = "Function already exist: services-ai-plugin-scorer"
    calls = refuse_once(world.clients.lambda_, "CreateFunction", "ResourceConflictException", message, times=9)
    with pytest.raises(PlatformError, match="already exist"):
        world.deployer.execute(world.deployer.plan(world.release()), quiet)
    assert len(calls) == 1


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ServiceException"])
def test_a_smoke_call_that_lambda_had_no_room_for_is_made_again(world: World, code: str) -> None:
    calls = refuse_once(world.clients.invoke, "Invoke", code, "Rate exceeded", times=2)
    assert world.deployer.execute(world.deployer.plan(world.release()), quiet).smoke == "passed"
    assert len(calls) == 3


def test_a_smoke_call_of_a_function_that_is_switched_off_is_not_waited_for(world: World) -> None:
    reserved = {"Error": {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."},
                "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}  # fmt: skip

    def refuse(**_: Any) -> Any:
        raise ClientError(reserved, "Invoke")

    world.clients.invoke.meta.events.register("before-call.lambda.Invoke", refuse)
    with pytest.raises(PlatformError) as caught:
        world.deployer.execute(world.deployer.plan(world.release()), quiet)
    assert caught.value.details["aws_code"] == "TooManyRequestsException"
    assert world.time.now_s == 0


def test_whoever_waits_long_is_told_now_and_then(world: World) -> None:
    refuse_once(
        world.clients.lambda_, "CreateFunction", "InvalidParameterValueException", ROLE_NOT_SPREAD, times=7
    )
    said: list[str] = []
    world.deployer.execute(world.deployer.plan(world.release()), said.append)
    waits = [line for line in said if line.startswith("waiting")]
    assert waits[0] == "waiting: Lambda cannot use the fresh role yet"
    assert 2 <= len(waits) <= 4
    assert "s so far)" in waits[-1]


def test_waits_of_deploys_at_once_do_not_stay_in_step(world: World) -> None:
    refuse_once(
        world.clients.lambda_, "CreateFunction", "InvalidParameterValueException", ROLE_NOT_SPREAD, times=2
    )
    waiting = Waiting(world.time.clock, world.time.sleep, draw=lambda: 0.8)
    deployer = AwsDeployer(world.clients, world.platform, waiting)
    deployer.execute(deployer.plan(world.release()), quiet)
    assert world.time.now_s == pytest.approx(1.5 * 1.2)


def test_a_role_that_never_spreads_ends_the_deploy_with_awss_code(world: World) -> None:
    refuse_once(
        world.clients.lambda_, "CreateFunction", "InvalidParameterValueException", ROLE_NOT_SPREAD, times=1000
    )
    with pytest.raises(PlatformError) as caught:
        world.deployer.execute(world.deployer.plan(world.release()), quiet)

    assert caught.value.details["aws_code"] == "InvalidParameterValueException"
    assert caught.value.message.startswith("create-function")
    assert world.time.now_s <= 60


def test_another_invalid_parameter_is_not_retried(world: World) -> None:
    calls = refuse_once(
        world.clients.lambda_,
        "CreateFunction",
        "InvalidParameterValueException",
        "Unzipped size too large",
        times=9,
    )
    with pytest.raises(PlatformError, match="Unzipped size"):
        world.deployer.execute(world.deployer.plan(world.release()), quiet)
    assert len(calls) == 1


@pytest.mark.parametrize("operation", ["PublishLayerVersion", "CreateFunction", "PublishVersion", "UpdateAlias"])
def test_a_deploy_that_stopped_goes_on_where_it_stopped(world: World, operation: str) -> None:
    calls = refuse_once(world.clients.lambda_, operation, "ServiceException", "try again")
    release = world.release()
    with pytest.raises(PlatformError) as caught:
        world.deployer.execute(world.deployer.plan(release), quiet)
    assert caught.value.details["aws_code"] == "ServiceException"
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    done = world.deployer.execute(world.deployer.plan(release), quiet)

    assert len(calls) >= 2
    assert done.smoke == "passed"
    assert world.deployer.plan(release).steps == ()
    roles = world.clients.iam.list_roles(PathPrefix="/services-ai/")["Roles"]
    assert len(roles) == 1


QUEUE = "services-ai-plugin-scorer"


def test_a_plugin_with_a_queue_gets_it_before_it_runs_and_loses_it_after_live_has_moved(world: World) -> None:
    with_queue = {"capabilities": ["queue"], "grants": Grants(capabilities=("queue",))}
    plan = world.deployer.plan(world.release(**with_queue))
    assert actions(plan).index("create-queue") < actions(plan).index("create-function")
    done = world.deployer.execute(plan, quiet)
    url = world.clients.sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    assert done.resources["queue"]["name"] == QUEUE
    assert done.resources["queue"]["url"].rsplit("/", 2)[1:] == url.rsplit("/", 2)[1:]
    assert actions(world.deployer.plan(world.release(**with_queue))) == []

    # It is asked for still, and no longer granted: told of, not there, and not in the role.
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    plan = world.deployer.plan(world.release(capabilities=["queue"]))
    assert actions(plan)[-2:] == ["move-live", "delete-queue"]
    after = world.deployer.execute(plan, quiet)
    assert world.clients.sqs.list_queues().get("QueueUrls", []) == []
    assert after.role_arn != done.role_arn
    assert after.resources == done.resources
    assert actions(world.deployer.plan(world.release(capabilities=["queue"]))) == []
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    world.deployer.execute(plan, quiet)  # what is gone already is no reason to stop


def test_a_queue_that_was_just_deleted_is_waited_for(world: World) -> None:
    calls: list[int] = []

    def refuse(**_: Any) -> None:
        calls.append(1)
        if len(calls) <= 2:
            code = "AWS.SimpleQueueService.QueueDeletedRecently"
            raise ClientError({"Error": {"Code": code, "Message": "wait 60 seconds"}}, "CreateQueue")

    world.clients.sqs.meta.events.register("before-call.sqs.CreateQueue", refuse)
    said: list[str] = []
    release = world.release(capabilities=["queue"], grants=Grants(capabilities=("queue",)))
    world.deployer.execute(world.deployer.plan(release), said.append)
    assert len(calls) == 3
    assert "waiting: a queue of this name was deleted less than 60 s ago" in said


def test_wider_grants_are_another_role_and_what_is_live_keeps_its_own(world: World) -> None:
    before = world.deployer.execute(world.deployer.plan(world.release(capabilities=["storage"])), quiet)
    wider = {"capabilities": ["storage"], "grants": Grants(capabilities=("storage",))}
    plan = world.deployer.plan(world.release(**wider))
    assert "update-code" not in actions(plan), "the package is the same: its role alone differs"
    world.answer_invoke_with("null")
    with pytest.raises(FindingsError):
        world.deployer.execute(plan, quiet)

    def live_role() -> str:
        found = world.clients.lambda_.get_function_configuration(FunctionName=QUEUE, Qualifier="live")
        return str(found["Role"])

    assert live_role() == before.role_arn != plan.role_arn
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    world.deployer.execute(world.deployer.plan(world.release(**wider)), quiet)
    assert live_role() == plan.role_arn
    old = before.role_arn.rsplit("/", 1)[1]
    document = world.clients.iam.get_role_policy(RoleName=old, PolicyName="plugin")["PolicyDocument"]
    assert [one["Sid"] for one in document["Statement"]] == ["WriteOwnLogs"], "what a rollback restores"


def isolated(world: World) -> AwsDeployer:
    """A deployer beside a stack with isolated subnets."""
    ec2 = world.session.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{at}.0/24")["Subnet"]["SubnetId"] for at in (0, 1)]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    platform = replace(world.platform, isolation=Isolation(tuple(sorted(subnets)), (group,)))
    return AwsDeployer(world.clients, platform, Waiting(world.time.clock, world.time.sleep))


def test_plugins_without_network_run_in_the_isolated_subnets_and_others_do_not(world: World) -> None:
    deployer = isolated(world)
    plan = deployer.plan(world.release())
    (create,) = [step for step in plan.steps if step.action is Action.CREATE_FUNCTION]
    assert len(create.parameters["VpcConfig"]["SubnetIds"]) == 2
    done = deployer.execute(plan, quiet)
    assert done.network == "none"
    assert [one["Sid"] for one in done.policy] == [
        "WriteOwnLogs", "IsolatedSubnets", "IsolatedSubnetsNotFromCode",
    ]  # fmt: skip
    found = world.clients.lambda_.get_function_configuration(FunctionName=done.function_arn, Qualifier="live")
    assert sorted(found["VpcConfig"]["SubnetIds"]) == sorted(create.parameters["VpcConfig"]["SubnetIds"])
    assert actions(deployer.plan(world.release())) == [], "the same again has nothing to do"

    # It asks for the internet and is granted it: out of the subnets, under a role without the interfaces.
    world.answer_invoke_with(json.dumps(Result(None).to_dict()))
    plan = deployer.plan(world.release(network="internet", grants=Grants(network="internet")))
    (change,) = [step for step in plan.steps if step.action is Action.UPDATE_CONFIGURATION]
    assert change.parameters["VpcConfig"] == {"SubnetIds": [], "SecurityGroupIds": []}
    after = deployer.execute(plan, quiet)
    assert (after.network, [one["Sid"] for one in after.policy]) == ("internet", ["WriteOwnLogs"])


def test_what_was_not_granted_of_the_network_is_isolated_too(world: World) -> None:
    deployer = isolated(world)
    plan = deployer.plan(world.release(network=["api.example.com"]))
    assert plan.network == "none"
    assert "IsolatedSubnets" in [one.sid for one in plan.policy]
    mail = deployer.plan(world.release(capabilities=["email"], grants=Grants(capabilities=("email",))))
    assert any("endpoint of SES" in warning for warning in mail.warnings)
    assert world.deployer.plan(world.release()).network == "none, not enforced in AWS"


def test_the_plan_is_plain_json(world: World) -> None:
    plan = world.deployer.plan(world.release(capabilities=["storage"], network="internet"))
    data = json.loads(json.dumps(plan.to_dict()))

    assert data["plugin"] == "scorer"
    assert [step["action"] for step in data["steps"]] == actions(plan)
    assert data["policy"][0]["Why"]


def test_every_action_has_a_method() -> None:
    from infra.deploy.executor import Executor

    executor = Executor(None, None)  # type: ignore[arg-type]
    methods: dict[Action, Callable[..., None]] = executor._methods
    assert set(methods) == set(Action)


def test_names_fit_what_aws_allows() -> None:
    names, longest = Names("services-ai"), "a" * 40
    assert len(names.function(longest)) <= 64
    assert len(names.role(longest, "f" * 64)) <= 64
    assert len(names.dependency_layer("f" * 64)) <= 140


def test_a_release_without_python_is_refused(world: World) -> None:
    release = world.release()
    incomplete = replace(release, manifest=manifest(python=None))
    with pytest.raises(Exception, match="names no Python"):
        world.deployer.plan(incomplete)
