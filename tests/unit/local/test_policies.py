from __future__ import annotations

from typing import Any

import pytest

from infra.local.policies import RolePolicies, allows
from services_ai_sdk.access.policy import FunctionIdentity, role_policy

GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/f"
OWN = role_policy(FunctionIdentity("aws", "us-east-1", "123456789012", "f"))


def statement(effect: str, action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def role(*statements: dict[str, Any], boundary: Any = None) -> RolePolicies:
    return RolePolicies(({"Statement": list(statements)},), boundary)


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("logs:PutLogEvents", f"{GROUP}:log-stream:s", True),
        ("logs:putlogevents", f"{GROUP}:log-stream:s", True),
        ("logs:CreateLogStream", f"{GROUP}:log-stream:s", True),
        ("logs:CreateLogGroup", f"{GROUP}:log-stream:s", False),
        ("logs:PutLogEvents", f"{GROUP}-other:log-stream:s", False),
        ("logs:PutLogEvents", f"{GROUP.upper()}:log-stream:s", False),
        ("logs:PutLogEvents", "*", False),
        ("dynamodb:PutItem", "*", False),
    ],
)
def test_what_a_plugin_s_policy_says(action: str, resource: str, expected: bool) -> None:
    assert allows(RolePolicies((OWN,)), action, resource) is expected


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (RolePolicies(()), False),
        (role(statement("Allow", "s3:Get*")), True),
        (role(statement("Allow", ["s3:PutObject", "s3:GetObjec?"], ["arn:aws:s3:::b/*"])), True),
        (role(statement("Allow", "*", "*")), True),
        (role(statement("Allow", "s3.GetObject")), False),
        (role(statement("Allow", "s3:*"), statement("Deny", "s3:GetObject", "arn:aws:s3:::b/*")), False),
        (role(statement("Allow", "s3:*"), statement("Deny", "s3:GetObject", "arn:aws:s3:::c/*")), True),
        (RolePolicies(({"Statement": statement("Allow", "s3:*")},)), True),
        # The boundary limits what the policy says, and gives nothing by itself.
        (role(statement("Allow", "s3:*"), boundary={"Statement": []}), False),
        (role(statement("Allow", "s3:*"), boundary={"Statement": [statement("Allow", "s3:GetObject")]}), True),
        (role(boundary={"Statement": [statement("Allow", "s3:*")]}), False),
        (role(statement("Allow", "s3:*"), boundary={"Statement": [statement("Deny", "s3:*")]}), False),
        # What is not understood never allows and always denies.
        (role(statement("Allow", "s3:*", Condition={"Bool": {"aws:SecureTransport": "true"}})), False),
        (role(statement("Allow", "s3:*"), statement("Deny", "x:*", Condition={"Null": {}})), False),
        (role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), False),
        (role({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::c/*"}), False),
        (role(statement("Allow", "s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/k}")), False),
        (role(statement("Allow", "s3:*"), statement("Deny", "s3:*", "arn:aws:s3:::${x}")), False),
    ],
)
def test_evaluation(policies: RolePolicies, expected: bool) -> None:
    assert allows(policies, "s3:GetObject", "arn:aws:s3:::b/k") is expected


def test_a_deny_counts_for_a_resource_that_is_not_known() -> None:
    policies = role(
        statement("Allow", "dynamodb:*"), statement("Deny", "dynamodb:*", "arn:aws:dynamodb:::table/t")
    )
    assert not allows(policies, "dynamodb:Scan", "*")
