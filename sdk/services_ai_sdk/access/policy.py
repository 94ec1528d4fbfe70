"""The role of a plugin: what it may do (policy) and who may wear it (trust)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from services_ai_sdk.access.capabilities import CAPABILITIES, secret_settings
from services_ai_sdk.access.own_resources import OwnResources
from services_ai_sdk.access.statement import Statement

POLICY_VERSION = "2012-10-17"


@dataclass(frozen=True, slots=True)
class FunctionIdentity:
    """Where a plugin's function lives in AWS.

    Attributes:
        partition: `aws`, or another partition.
        function_name: Without a qualifier.
    """

    partition: str
    region: str
    account_id: str
    function_name: str

    @property
    def function_arn(self) -> str:
        """Unqualified."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account_id}:function:{self.function_name}"

    @property
    def log_group(self) -> str:
        """Name of the function's log group."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_group_arn(self) -> str:
        """Without the trailing `:*` that names its streams."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account_id}:log-group:{self.log_group}"


def role_statements(
    own: OwnResources, capabilities: Collection[str] = (), *, has_secret_settings: bool = False
) -> tuple[Statement, ...]:
    """What the plugin's function may do: write its log, and what its granted capabilities allow; no more.

    Args:
        own: Its resources.
        capabilities: Those that an admin granted.
        has_secret_settings: Whether its manifest declares any: its own role reads them.

    Raises:
        InvalidInputError: `email` is granted and the stack names no sender.
    """
    # The log group itself is made by the deploy, so that logs:CreateLogGroup is not needed.
    logs = Statement(
        "WriteOwnLogs",
        "every plugin: write to its own log group; the * is the log streams that Lambda names",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        (f"{own.identity.log_group_arn}:*",),
    )
    granted = [one for name, of in CAPABILITIES.items() if name in capabilities for one in of(own)]
    # The capability's path has that of the settings below it.
    settings = [secret_settings(own)] if has_secret_settings and "secrets" not in capabilities else []
    return (logs, *granted, *settings)


def role_policy(statements: Iterable[Statement]) -> dict[str, Any]:
    """The statements as a policy document."""
    return {"Version": POLICY_VERSION, "Statement": [one.to_policy() for one in statements]}


def trust_policy(identity: FunctionIdentity) -> dict[str, Any]:
    """Who may wear the role: Lambda, in this account, on behalf of this one function."""
    return {
        "Version": POLICY_VERSION,
        "Statement": [
            {
                "Sid": "OnlyThisFunction",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": identity.account_id},
                    "ArnLike": {"aws:SourceArn": f"{identity.function_arn}*"},
                },
            }
        ],
    }
