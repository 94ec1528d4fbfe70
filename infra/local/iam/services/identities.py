"""IAM and STS. Sources: Service Authorization Reference, "AWS IAM" and "AWS STS"."""

from __future__ import annotations

from infra.local.iam.reading import Call
from infra.local.iam.services.need import Facts, Need

_KINDS = {"RoleName": "role", "UserName": "user", "GroupName": "group", "InstanceProfileName": "instance-profile"}


async def of_iam(call: Call, facts: Facts) -> list[Need]:
    """The permissions that a request to IAM needs."""
    action = f"iam:{call.operation}"
    values: dict[str, tuple[str, ...]] = {}
    policy, boundary = call.text("PolicyArn"), call.text("PermissionsBoundary")
    if policy:
        values["iam:policyarn"] = (policy,)
    values["iam:permissionsboundary"] = (boundary,) if boundary else ()
    for name, kind in _KINDS.items():
        if name not in call.fields or (name == "UserName" and "GroupName" in call.fields):
            continue
        if call.operation == f"Create{name.removesuffix('Name')}":
            path = call.text("Path") or "/"
            return [Need(action, _arn(call, kind, path + call.text(name)), values=values)]
        if kind in ("role", "user") and not boundary:
            # What is asked about is the boundary that the role or user has; nobody here looks it up.
            values.pop("iam:permissionsboundary")
        path = str(await facts("iam/path", kind=kind, name=call.text(name), account=call.account))
        return [Need(action, _arn(call, kind, path + call.text(name)), values=values)]
    if call.operation == "CreatePolicy":
        return [Need(action, _arn(call, "policy", (call.text("Path") or "/") + call.text("PolicyName")))]
    if policy:
        return [Need(action, policy)]
    if call.operation.startswith(("List", "GetAccount")):
        return [Need(action)]
    return [Need(action, known=False)]


def _arn(call: Call, kind: str, path: str) -> str:
    return f"arn:aws:iam::{call.account}:{kind}{path}"


async def of_sts(call: Call, facts: Facts) -> list[Need]:
    """The permissions that a request to STS needs; whether the role trusts the caller is asked besides."""
    del facts
    action = f"sts:{call.operation}"
    if call.operation in ("GetCallerIdentity", "GetSessionToken", "GetAccessKeyInfo"):
        return []
    external = call.text("ExternalId")
    values = {
        "sts:externalid": (external,) if external else (),
        "sts:rolesessionname": (call.text("RoleSessionName"),),
    }
    return [Need(action, call.text("RoleArn") or "*", known="RoleArn" in call.fields, values=values)]
