"""The role of a plugin, capability by capability, against golden files; the boundary holds exactly their union.

To accept a change: `./dev run env UPDATE_GOLDEN=1 python -m pytest tests/unit/access -q`, then read the diff.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

import pytest

from infra.build import ROOT
from infra.local.translate import load_template
from services_ai_sdk.access.capabilities import CAPABILITIES, WORDS
from services_ai_sdk.access.network import in_words, interface_statements, is_isolated
from services_ai_sdk.access.own_resources import OwnResources, Shared
from services_ai_sdk.access.policy import FunctionIdentity, role_policy, role_statements
from services_ai_sdk.manifest.model import Capability
from services_ai_sdk.wire.errors import InvalidInputError

GOLDEN = Path(__file__).parent / "golden"
SENDER = "plugins@example.com"
CASES = {"none": (), **{name: (name,) for name in CAPABILITIES}, "all": tuple(CAPABILITIES)}
INLINE_MAX_CHARS = 10_240
"""Of all inline policies of a role together, blanks not counted (IAM quotas)."""
MANAGED_MAX_CHARS = 6_144


def own(plugin_id: str = "scorer", email_from: str = SENDER) -> OwnResources:
    identity = FunctionIdentity("aws", "us-east-1", "123456789012", f"services-ai-plugin-{plugin_id}")
    return OwnResources(identity, "services-ai", plugin_id, Shared("plugin-storage", "plugin-files", email_from))


def policy(*capabilities: str, settings: bool = False) -> dict[str, Any]:
    return role_policy(role_statements(own(), capabilities, has_secret_settings=settings))


@pytest.mark.parametrize("case", [*CASES, "secret-settings", "isolated"])
def test_the_policy_is_the_golden_one(case: str) -> None:
    made = policy(*CASES.get(case, ()), settings=case == "secret-settings")
    if case == "isolated":
        made = role_policy((*role_statements(own()), *interface_statements(own().identity)))
    path = GOLDEN / f"{case}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(made, indent=2) + "\n")
    assert made == json.loads(path.read_text()), f"{case} changed: see this file's docstring"


def test_every_capability_of_the_manifest_has_statements_and_words() -> None:
    assert set(get_args(Capability)) == set(CAPABILITIES) == set(WORDS)


def test_every_statement_says_why_and_has_a_name_of_its_own() -> None:
    statements = role_statements(own(), CAPABILITIES)
    assert all(one.why and re.fullmatch("[A-Za-z0-9]+", one.sid) for one in statements)
    assert len({one.sid for one in statements}) == len(statements)


def test_no_wildcard_but_those_that_aws_requires() -> None:
    for one in role_statements(own(), CAPABILITIES):
        assert not any("*" in action for action in one.actions), one.sid
        for resource in one.resources:
            # Below a path of the plugin's own only: log streams, suffixes of secrets, keys of objects.
            before, star, after = resource.partition("*")
            assert not star or (after == "" and "scorer" in before), resource


def test_one_plugin_s_resources_are_never_the_beginning_of_another_s() -> None:
    """`scorer` and `scorer-2`: what ends with a wildcard ends a name before it."""
    other = own("scorer-2")
    theirs = [other.queue_arn, f"{other.bucket_arn}/{other.files_prefix}x", other.secrets_arn(other.secrets_path)]
    theirs.append(f"{other.identity.log_group_arn}:log-stream:x")
    for one in role_statements(own(), CAPABILITIES):
        for resource in one.resources:
            assert not any(fnmatchcase(arn, resource) for arn in theirs), resource


def test_secret_settings_need_no_statement_beside_the_capability() -> None:
    assert policy("secrets", settings=True) == policy("secrets")


def test_the_largest_policy_fits_and_so_does_the_boundary() -> None:
    longest = OwnResources(
        FunctionIdentity("aws-us-gov", "us-gov-west-1", "123456789012", "s" * 24 + "-plugin-" + "p" * 40),
        "s" * 24, "p" * 40, Shared("t" * 255, "b" * 63, "a" * 64 + "@" + "d" * 189),
    )  # fmt: skip
    text = json.dumps(role_policy(role_statements(longest, CAPABILITIES)), separators=(",", ":"))
    assert len(text) < INLINE_MAX_CHARS / 2
    assert len(json.dumps(boundary(), separators=(",", ":"))) < MANAGED_MAX_CHARS / 1.5


def test_email_without_a_sender_says_what_to_do() -> None:
    with pytest.raises(InvalidInputError) as caught:
        role_statements(own(email_from=""), ["email"])
    assert caught.value.code == "no-sender"
    assert "PluginEmailFrom" in caught.value.hint
    assert "--without email" in caught.value.hint


def test_what_a_plugin_is_told_is_of_the_capabilities_it_asks_for() -> None:
    told = own().described(("queue", "storage"))
    assert told == {
        "queue": {
            "name": "services-ai-plugin-scorer",
            "url": "https://sqs.us-east-1.amazonaws.com/123456789012/services-ai-plugin-scorer",
        },
        "storage": {"table": "plugin-storage", "partition": "plugin#scorer"},
    }


def boundary(branch: int = 1) -> dict[str, Any]:
    """template.yaml's boundary for the plugins of `own`; branch 2: without sender and isolated subnets."""
    document = load_template(ROOT / "template.yaml")["Resources"]["PluginBoundary"]["Properties"]["PolicyDocument"]
    resolved = _resolved(document, branch)
    assert isinstance(resolved, dict)
    return resolved


_VALUES = {
    "AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012",
    "AWS::StackName": "services-ai", "PluginEmailFrom": SENDER,
    "PluginStorage.Arn": "arn:aws:dynamodb:us-east-1:123456789012:table/plugin-storage",
    "PluginFiles.Arn": "arn:aws:s3:::plugin-files",
    "Table.Arn": "arn:aws:dynamodb:us-east-1:123456789012:table/control",
}  # fmt: skip


def _resolved(node: Any, branch: int) -> Any:
    if isinstance(node, list):
        return [_resolved(one, branch) for one in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        ((kind, value),) = node.items()
        if kind == "Ref":
            return _VALUES[value]
        if kind == "Fn::GetAtt":
            return _VALUES[".".join(value)]
        if kind == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda match: _VALUES[match[1]], value)
        if kind == "Fn::If":
            return _resolved(value[branch], branch)
    return {name: _resolved(one, branch) for name, one in node.items()}


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_the_boundary_allows_exactly_the_union_of_all_capabilities() -> None:
    allowed = [one for one in boundary()["Statement"] if one["Effect"] == "Allow"]
    for one in role_statements(own(), CAPABILITIES, has_secret_settings=True):
        for resource in (arn.replace(":*", ":log-stream:x") for arn in one.resources):
            covering = [
                b for b in allowed
                if set(one.actions) <= set(_as_list(b["Action"]))
                and any(fnmatchcase(resource, pattern) for pattern in _as_list(b["Resource"]))
            ]  # fmt: skip
            assert covering, f"the boundary does not allow {one.sid} on {resource}"
    isolated = interface_statements(own().identity)
    granted = {action for one in (*role_statements(own(), CAPABILITIES), *isolated) for action in one.actions}
    assert {action for one in allowed for action in _as_list(one["Action"])} == granted
    conditions = {
        one["Sid"]: sorted(
            (operator, key) for operator, pairs in one.get("Condition", {}).items() for key in pairs
        )
        for one in allowed
    }
    assert conditions == {
        "OwnLogs": [], "Secrets": [], "Files": [], "Queue": [],
        "Storage": [
            ("ForAllValues:StringLike", "dynamodb:LeadingKeys"), ("Null", "dynamodb:LeadingKeys"),
        ],
        "IsolatedSubnets": [],
        "FilesList": [("StringLike", "s3:prefix")],
        "Email": [("StringEquals", "ses:FromAddress")],
    }  # fmt: skip


def test_cfn_lint_takes_the_template_with_one_plugin_s_role(tmp_path: Path) -> None:
    role = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"Service": "lambda.amazonaws.com"},
                                "Action": "sts:AssumeRole",
                            }
                        ],
                    },
                    "Policies": [{"PolicyName": "plugin", "PolicyDocument": policy(*CAPABILITIES)}],
                },
            }
        },
    }
    path = tmp_path / "role.json"
    path.write_text(json.dumps(role))
    linter = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run(
        [linter, "--regions", "us-east-1", "--", path, ROOT / "template.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_admins_read_of_the_network() -> None:
    assert in_words("none", subnets=False) == "none, not enforced in AWS"
    assert in_words("none", subnets=True) == "none"
    assert in_words("internet", subnets=True) == "internet"
    assert (
        in_words(("a.example.com",), subnets=True) == "a.example.com (in AWS: internet, no host is refused there)"
    )
    assert [is_isolated(network, subnets=True) for network in ("none", "internet", ("a.example.com",))] == [
        True, False, False,
    ]  # fmt: skip


def test_a_function_s_code_makes_no_network_interfaces() -> None:
    allowed, denied = (one.to_policy() for one in interface_statements(own().identity))
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert allowed["Action"] == denied["Action"]
    assert denied["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": own().identity.function_arn}}


def test_without_a_sender_and_without_subnets_the_boundary_refuses_mail_and_interfaces() -> None:
    statements = boundary(2)["Statement"]
    denied = {one["Action"] for one in statements if one["Effect"] == "Deny" and one["Resource"] == "*"
              and isinstance(one["Action"], str)}  # fmt: skip
    assert denied == {"ses:*", "ec2:*"}
    assert not [one["Sid"] for one in statements if one["Sid"] in ("Email", "IsolatedSubnets")]
