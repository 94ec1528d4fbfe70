"""What of a granted network is enforced in AWS, where IAM and security groups know no host names."""

from __future__ import annotations

from services_ai_sdk.access.policy import FunctionIdentity
from services_ai_sdk.access.statement import Statement

_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""As AWS's own AWSLambdaVPCAccessExecutionRole has them; AWS takes them on all resources only."""


def is_isolated(network: str | tuple[str, ...], *, subnets: bool) -> bool:
    """Whether a function belongs into the isolated subnets: it was granted no network, and there are such."""
    return network == "none" and subnets


def in_words(network: str | tuple[str, ...], *, subnets: bool) -> str:
    """What was granted, with what AWS makes of it.

    Args:
        network: As granted.
        subnets: Whether the stack has isolated subnets for plugins.
    """
    if network == "none":
        return "none" if subnets else "none, not enforced in AWS"
    if isinstance(network, str):
        return network
    return f"{', '.join(network)} (in AWS: internet, no host is refused there)"


def interface_statements(identity: FunctionIdentity) -> tuple[Statement, ...]:
    """Lambda makes a function's network interfaces with the function's own role; its code gets none of that."""
    return (
        Statement(
            "IsolatedSubnets",
            "network none: Lambda connects it to the isolated subnets with its role; AWS takes these on * only",
            _INTERFACES,
            ("*",),
        ),
        Statement(
            "IsolatedSubnetsNotFromCode",
            "network none: the function's own code may make no network interfaces",
            _INTERFACES,
            ("*",),
            {"ArnEquals": {"lambda:SourceFunctionArn": identity.function_arn}},
            effect="Deny",
        ),
    )
