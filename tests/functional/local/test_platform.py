"""The platform in the local cloud: as the template says, brought up to date, and failing by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.build import ROOT, build
from infra.local import platform
from services_ai_sdk.wire.errors import PlatformError

pytestmark = pytest.mark.cloud


def quiet(line: str) -> None:
    del line


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads, to be changed."""
    copy = tmp_path_factory.mktemp("root")
    for folder in ("sdk", "functions", "control_plane", "locks"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "template.yaml", copy)
    return copy


@pytest.fixture
def stack(cloud: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """A stack beside the session's own."""
    name = f"second-{request.node.name.replace('_', '-')[:20].strip('-')}"
    yield name
    cloud.client("cloudformation").delete_stack(StackName=name)


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_the_outputs_are_there(cloud: Any) -> None:
    outputs = cloud.outputs
    assert (
        cloud.client("dynamodb").describe_table(TableName=outputs["TableName"])["Table"]["TableStatus"] == "ACTIVE"
    )
    assert cloud.client("s3").get_bucket_versioning(Bucket=outputs["ArtifactBucket"])["Status"] == "Enabled"
    assert cloud.client("sns").get_topic_attributes(TopicArn=outputs["AlertsTopicArn"])
    assert cloud.client("iam").get_policy(PolicyArn=outputs["PluginBoundaryArn"])
    name, version = outputs["RuntimeLayerArn"].split(":")[-2:]
    assert name == "services-ai-runtime"
    assert cloud.client("lambda").get_layer_version(LayerName=name, VersionNumber=int(version))
    for key in ("OutcomesQueueUrl", "OutcomesDeadLetterQueueUrl"):
        assert cloud.client("sqs").get_queue_attributes(QueueUrl=outputs[key], AttributeNames=["QueueArn"])


def test_what_runs_is_what_was_built(cloud: Any) -> None:
    import base64
    import hashlib

    for folder, built in build().items():
        if folder.startswith("build/functions/"):
            name = f"services-ai-{Path(folder).name}"
            found = cloud.client("lambda").get_function(FunctionName=name)["Configuration"]["CodeSha256"]
            assert base64.b64decode(found) == hashlib.sha256(built.archive.read_bytes()).digest()


def test_the_dispatcher_answers_and_can_reach_its_table(cloud: Any) -> None:
    call = {"v": 1, "hook": "lead_created", "args": {"lead": {"id": 1}, "context": {}}}
    name = cloud.outputs["DispatcherFunctionName"]
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(call).encode())
    body = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, body
    assert body["hook"] == "lead_created"


def test_a_changed_source_is_deployed(cloud: Any, root: Path, stack: str) -> None:
    clients = cloud.clients
    before = platform.deploy(clients, platform.prepare(stack, quiet, root), quiet)
    functions = clients("lambda")
    digest = functions.get_function(FunctionName=f"{stack}-dispatcher")["Configuration"]["CodeSha256"]
    said: list[str] = []
    assert platform.deploy(clients, platform.prepare(stack, said.append, root), said.append) == before
    assert said == []
    change(root / "sdk" / "services_ai_sdk" / "wire" / "limits.py", "Sizes and times", "Times and sizes")
    after = platform.deploy(clients, platform.prepare(stack, quiet, root), quiet)
    assert after["TableName"] == before["TableName"]
    assert after["RuntimeLayerArn"] != before["RuntimeLayerArn"]
    assert functions.get_function(FunctionName=f"{stack}-dispatcher")["Configuration"]["CodeSha256"] != digest
    # Plugins deployed before keep the layer they have.
    name, version = before["RuntimeLayerArn"].split(":")[-2:]
    assert functions.get_layer_version(LayerName=name, VersionNumber=int(version))
    platform.check_answers(functions, after)


def test_a_resource_that_fails_is_named(cloud: Any, root: Path, stack: str) -> None:
    text = (root / "template.yaml").read_text()
    try:
        change(
            root / "template.yaml",
            "deadLetterTargetArn: !GetAtt OutcomesDeadLetterQueue.Arn",
            "deadLetterTargetArn: x",
        )
        with pytest.raises(PlatformError, match="resource OutcomesQueue") as caught:
            platform.deploy(cloud.clients, platform.prepare(stack, quiet, root), quiet)
        assert "local down" in caught.value.hint
    finally:
        (root / "template.yaml").write_text(text)


def test_what_the_local_cloud_would_lose_is_refused(root: Path) -> None:
    text = (root / "template.yaml").read_text()
    try:
        change(
            root / "template.yaml",
            "      BillingMode: PAY_PER_REQUEST",
            "      BillingMode: PAY_PER_REQUEST\n      TableClass: STANDARD",
        )
        with pytest.raises(PlatformError, match=r"silently lose Table.TableClass"):
            platform.prepare("lost", quiet, root)
    finally:
        (root / "template.yaml").write_text(text)


def test_a_dispatcher_that_does_not_run_is_no_platform(cloud: Any, deploy: Any) -> None:
    name = deploy("import nothing_of_this_name\n")
    with pytest.raises(PlatformError, match="nothing_of_this_name"):
        platform.check_answers(cloud.client("lambda"), {"DispatcherFunctionName": name})
