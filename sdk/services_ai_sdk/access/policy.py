"""The role of a plugin: what it may do (policy) and who may wear it (trust)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


def role_policy(identity: FunctionIdentity) -> dict[str, Any]:
    """What the plugin's function may do: write to its own log group, and nothing else.

    The group itself is made by the deploy, so that `logs:CreateLogGroup` is not needed.
    """
    return {
        "Version": POLICY_VERSION,
        "Statement": [
            {
                "Sid": "WriteOwnLogs",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": f"{identity.log_group_arn}:*",
            }
        ],
    }


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
