"""`local up --faults`: what boto3 sees of a local cloud that is as unready as AWS."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).parent))
from infra.local import lifecycle
from infra.local.clients import LOCAL_KEY, clients_of
from infra.local.lifecycle import CloudOptions
from infra.local.state import StateDir
from services_ai_sdk.emulator.home import default_home
from services_ai_sdk.wire.errors import InvalidInputError
from tests.functional.local.conftest import TRUST, archive

pytestmark = pytest.mark.cloud

PROFILE = {
    "function_life": {"create_s": 1.5, "update_s": 1.5, "publish_s": 1.5},
    "role_spreads_s": 1.5,
    "throttles": [{"service": "lambda", "actions": ["ListLayers"], "rate_per_s": 0.001, "burst": 1}],
    "failures": [
        {"service": "iam", "actions": ["ListRoles"], "kind": "throttled", "rate": 1},
        {"service": "iam", "actions": ["ListUsers"], "kind": "unavailable", "rate": 1},
        {"service": "lambda", "actions": ["ListEventSourceMappings"], "kind": "unavailable", "rate": 1},
        {"service": "cloudformation", "actions": ["ListStacks"], "kind": "throttled", "rate": 1},
        {"service": "cloudformation", "actions": ["ListExports"], "kind": "unavailable", "rate": 1},
        {"service": "dynamodb", "actions": ["ListTables"], "kind": "throttled", "rate": 1},
        {"service": "dynamodb", "actions": ["DescribeLimits"], "kind": "unavailable", "rate": 1},
        {"service": "sqs", "actions": ["ListQueues"], "kind": "unavailable", "rate": 1},
        {"service": "sqs", "actions": ["CreateQueue"], "kind": "throttled", "rate": 1},
        {"service": "sns", "actions": ["ListTopics"], "kind": "unavailable", "rate": 1},
        {"service": "sns", "actions": ["CreateTopic"], "kind": "throttled", "rate": 1},
        {"service": "logs", "kind": "throttled", "rate": 1},
        {"service": "s3", "actions": ["GET"], "kind": "throttled", "rate": 1},
        {"service": "s3", "actions": ["HEAD"], "kind": "unavailable", "rate": 1},
        {"service": "sts", "kind": "throttled", "rate": 1},
        {"service": "events", "kind": "unavailable", "rate": 1},
    ],
}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="services-ai-test-"))
    path.chmod(0o711)
    (path / "store").symlink_to(StateDir(default_home()).store)
    (path / "mine.json").write_text(json.dumps(PROFILE))
    yield path
    lifecycle.down(path)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def faulty(home: Path) -> Any:
    options = CloudOptions(port=0, state_dir=home, platform=False, faults=str(home / "mine.json"))
    return lifecycle.up(options, lambda line: None)


@pytest.fixture(scope="module")
def clients(faulty: Any) -> Any:
    return clients_of(faulty)


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    response = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def called(lambda_: Any, name: str, **more: Any) -> Any:
    answer = lambda_.invoke(FunctionName=name, **more)
    return json.loads(answer["Payload"].read())


def source(value: int) -> str:
    return f"def handle(event, context):\n    return {value}\n"


def test_a_function_lives_through_the_states_that_boto3s_waiters_wait_for(clients: Any) -> None:
    lambda_, iam = clients("lambda"), clients("iam")
    role = iam.create_role(RoleName="fresh", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    made: dict[str, Any] = {
        "FunctionName": "f", "Runtime": f"python3.{sys.version_info.minor}", "Role": role, "Timeout": 10,
        "Handler": "main.handle", "Code": {"ZipFile": archive(source(1))},
    }  # fmt: skip
    with pytest.raises(ClientError, match="The role defined for the function cannot be assumed by Lambda"):
        lambda_.create_function(**made)
    time.sleep(1.5)
    assert lambda_.create_function(**made)["State"] == "Pending"
    assert lambda_.get_function(FunctionName="f")["Configuration"]["State"] == "Pending"
    assert [one["State"] for one in lambda_.list_functions()["Functions"]] == ["Pending"]
    assert refused(lambda_.invoke, FunctionName="f") == ("ResourceConflictException", 409)
    assert refused(lambda_.invoke, FunctionName="f", InvocationType="Event") == ("ResourceConflictException", 409)
    lambda_.get_waiter("function_active_v2").wait(FunctionName="f")
    assert called(lambda_, "f") == 1

    answer = lambda_.update_function_code(FunctionName="f", ZipFile=archive(source(2)))
    assert (answer["State"], answer["LastUpdateStatus"]) == ("Active", "InProgress")
    with pytest.raises(lambda_.exceptions.ResourceConflictException, match="An update is in progress"):
        lambda_.update_function_configuration(FunctionName="f", Timeout=9)
    assert called(lambda_, "f") == 1
    lambda_.get_waiter("function_updated_v2").wait(FunctionName="f")
    assert called(lambda_, "f") == 2

    version = lambda_.publish_version(FunctionName="f")
    assert (version["Version"], version["State"]) == ("1", "Pending")
    assert refused(lambda_.invoke, FunctionName="f", Qualifier="1") == ("ResourceConflictException", 409)
    assert called(lambda_, "f") == 2
    waiter = lambda_.get_waiter("published_version_active")
    waiter.wait(FunctionName="f", Qualifier="1", WaiterConfig={"Delay": 1})
    assert called(lambda_, "f", Qualifier="1") == 2


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "answer"),
    [
        ("iam", "list_roles", {}, ("Throttling", 400)),
        ("iam", "list_users", {}, ("ServiceFailure", 500)),
        ("lambda", "list_event_source_mappings", {}, ("ServiceException", 500)),
        ("cloudformation", "list_stacks", {}, ("Throttling", 400)),
        ("cloudformation", "list_exports", {}, ("InternalFailure", 500)),
        ("dynamodb", "list_tables", {}, ("ProvisionedThroughputExceededException", 400)),
        ("dynamodb", "describe_limits", {}, ("InternalServerError", 500)),
        ("sqs", "list_queues", {}, ("InternalFailure", 500)),
        ("sqs", "create_queue", {"QueueName": "q"}, ("RequestThrottled", 403)),
        ("sns", "list_topics", {}, ("InternalError", 500)),
        ("sns", "create_topic", {"Name": "t"}, ("Throttled", 429)),
        ("logs", "describe_log_groups", {}, ("ThrottlingException", 400)),
        ("s3", "list_buckets", {}, ("SlowDown", 503)),
        ("s3", "head_bucket", {"Bucket": "bucket"}, ("500", 500)),
        ("sts", "get_caller_identity", {}, ("Throttling", 400)),
        ("events", "list_rules", {}, ("InternalException", 500)),
    ],
)
def test_each_services_error_is_read_by_boto3(
    faulty: Any, service: str, operation: str, arguments: dict[str, Any], answer: tuple[str, int]
) -> None:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        service,
        endpoint_url=faulty.endpoint,
        region_name=faulty.region,
        aws_access_key_id=LOCAL_KEY,
        aws_secret_access_key=LOCAL_KEY,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    assert refused(getattr(client, operation), **arguments) == answer


def test_a_throttled_control_call_carries_lambdas_reason(clients: Any) -> None:
    lambda_ = clients("lambda")
    lambda_.list_layers()
    with pytest.raises(lambda_.exceptions.TooManyRequestsException) as raised:
        lambda_.list_layers()
    assert raised.value.response["Reason"] == "CallerRateLimitExceeded"
    assert raised.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"


def test_status_says_which_faults_are_on_and_how_many_were_injected(faulty: Any, home: Path) -> None:
    from typer.testing import CliRunner

    from control_plane.cli.local import app

    found = lifecycle.activity(faulty)["faults"]
    assert found["profile"] == str(home / "mine.json")
    assert found["injected"]["iam throttled"] >= 1
    said = CliRunner().invoke(app, ["status", "--state-dir", str(home)]).stdout
    assert str(home / "mine.json") in said
    assert "× iam throttled" in said


def test_another_up_with_other_faults_is_refused(faulty: Any, home: Path) -> None:
    with pytest.raises(InvalidInputError) as raised:
        lifecycle.up(CloudOptions(port=0, state_dir=home, platform=False, faults="aws-like"), lambda line: None)
    assert raised.value.code == "other-faults"
    again = lifecycle.start(CloudOptions(port=0, state_dir=home, platform=False), lambda line: None)
    assert again.already_running
