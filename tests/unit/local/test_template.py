"""template.yaml: what a stranger relies on, and what the local cloud keeps of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from infra.build import ROOT
from infra.local.kept_properties import NOT_HERE, lost_properties
from infra.local.platform import LOCAL_PARAMETERS
from infra.local.translate import S3Location, load_template, translate
from services_ai_sdk.wire.errors import PlatformError

OUTPUTS = {
    "TableName", "AlertsTopicArn", "OutcomesQueueUrl", "OutcomesDeadLetterQueueUrl", "ArtifactBucket",
    "PluginBoundaryArn", "RuntimeLayerArn", "DispatcherFunctionArn", "DispatcherFunctionName",
    "PluginStorageTable", "PluginFilesBucket", "PluginEmailFrom", "IsolatedSubnetIds", "PluginSecurityGroupId",
}  # fmt: skip
FOLDERS = (
    "build/functions/dispatcher",
    "build/functions/recorder",
    "build/functions/notifier",
    "build/runtime-layer",
)
CODE = {folder: S3Location("bucket", f"{folder}.zip") for folder in FOLDERS}


@pytest.fixture(scope="module")
def source() -> dict[str, Any]:
    return load_template(ROOT / "template.yaml")


@pytest.fixture(scope="module")
def translated(source: dict[str, Any]) -> dict[str, Any]:
    return translate(source, CODE, {}, "us-east-1")


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == kind}


def test_outputs_are_the_contract(source: dict[str, Any]) -> None:
    assert set(source["Outputs"]) == OUTPUTS


def test_the_local_cloud_keeps_all_of_it(translated: dict[str, Any]) -> None:
    assert lost_properties(translated) == []


def test_what_it_would_lose_is_named() -> None:
    template = {
        "Resources": {
            "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "x", "Replicas": []}},
            "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}},
        }
    }
    assert lost_properties(template) == ["Table.Replicas (AWS::DynamoDB::Table)", "Alarm (AWS::CloudWatch::Alarm)"]


def test_a_folder_that_nothing_builds_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(PlatformError, match="build/runtime-layer, which nothing builds"):
        translate(source, {folder: CODE[folder] for folder in FOLDERS[:3]}, {}, "us-east-1")


def test_broken_yaml_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("a: [1\n")
    with pytest.raises(PlatformError, match="not valid YAML"):
        load_template(path)


def test_a_translator_s_complaint_is_shown(source: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(source))
    broken["Resources"]["Dispatcher"]["Properties"]["Events"] = {"X": {"Type": "Nonsense"}}
    with pytest.raises(PlatformError, match="Dispatcher"):
        translate(broken, CODE, {}, "us-east-1")


def test_every_role_is_limited(translated: dict[str, Any]) -> None:
    for name, role in of_type(translated, "AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role, name
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                assert not any("*" in action for action in actions), name
                assert statement["Resource"] != "*", name


def test_every_function_has_its_role_and_log_group(translated: dict[str, Any]) -> None:
    functions = of_type(translated, "AWS::Lambda::Function")
    assert len(functions) == 3
    for name, function in functions.items():
        assert function["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        assert function["LoggingConfig"] == {"LogGroup": {"Ref": f"{name}Logs"}}
        assert function["Handler"] == f"functions.{name.lower()}.handler.handle"


def test_a_plugin_never_gets_identity_code_or_the_control_plane(translated: dict[str, Any]) -> None:
    (boundary,) = of_type(translated, "AWS::IAM::ManagedPolicy").values()
    statements = [one.get("Fn::If", [one, one])[1] for one in boundary["PolicyDocument"]["Statement"]]
    denied = {
        action
        for one in statements
        if one["Effect"] == "Deny"
        for action in one["Action"]
        if one["Resource"] == "*"
    }
    assert {"iam:*", "sts:AssumeRole*", "lambda:*"} <= denied
    (table,) = [one for one in statements if one["Action"] == "dynamodb:*"]
    assert table["Effect"] == "Deny"
    assert table["Resource"][0] == {"Fn::GetAtt": ["Table", "Arn"]}
    # What it allows is held against the capabilities in tests/unit/access/test_policy.py.
    for one in statements:
        if one["Effect"] == "Allow":
            assert "*" not in (one["Action"] if isinstance(one["Action"], list) else [one["Action"]]), one["Sid"]
            # EC2 takes network interfaces on all resources only; the function's code is denied them besides.
            assert one["Resource"] != "*" or one["Sid"] == "IsolatedSubnets", one["Sid"]


def test_a_message_is_invisible_long_enough(source: dict[str, Any]) -> None:
    resources = source["Resources"]
    timeout_s = source["Globals"]["Function"]["Timeout"]
    window_s = source["Parameters"]["FoldWindowSeconds"]["MaxValue"]
    assert resources["OutcomesQueue"]["Properties"]["VisibilityTimeout"] >= 6 * timeout_s + window_s


def test_pollers_report_partial_failures(translated: dict[str, Any]) -> None:
    mappings = of_type(translated, "AWS::Lambda::EventSourceMapping").values()
    assert len(mappings) == 2
    assert all(one["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for one in mappings)


def test_what_is_not_made_here_is_what_the_local_parameters_turn_off(source: dict[str, Any]) -> None:
    assert source["Conditions"]["IsolatedPlugins"] == {"Fn::Equals": [{"Ref": "PluginNetwork"}, "isolated"]}
    assert LOCAL_PARAMETERS["PluginNetwork"] == source["Parameters"]["PluginNetwork"]["Default"] == "open"
    assert {"IsolatedPlugins"} == NOT_HERE


def test_isolated_plugins_reach_endpoints_and_nothing_else(source: dict[str, Any]) -> None:
    """Held against a golden file: `UPDATE_GOLDEN=1` accepts a change."""
    isolated = {
        name: one for name, one in source["Resources"].items() if one.get("Condition") == "IsolatedPlugins"
    }
    golden = Path(__file__).parents[1] / "access" / "golden" / "isolated-network.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(isolated, indent=2) + "\n")
    assert isolated == json.loads(golden.read_text())
    group = isolated["PluginSecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    for rule in group["SecurityGroupEgress"]:
        assert (rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (443, 443, "tcp")
        assert not {"CidrIp", "CidrIpv6"} & set(rule)
    endpoints = {name: one for name, one in isolated.items() if one["Type"] == "AWS::EC2::VPCEndpoint"}
    for name, one in endpoints.items():
        (statement,) = one["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}, (
            name
        )
    kinds = [one["Properties"]["ServiceName"]["Fn::Sub"].rpartition(".")[2] for one in endpoints.values()]
    assert kinds == ["s3", "dynamodb", "secretsmanager", "sqs"]
