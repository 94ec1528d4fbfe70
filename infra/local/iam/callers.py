"""Who calls, with their policies read, and the condition keys that every request has."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from infra.local.iam.context import Context
from infra.local.iam.decision import Attached, Principal
from infra.local.iam.documents import Policy, read_or_deny
from infra.local.iam.reading import Call
from services_ai_sdk.emulator.http import HttpRequest

_ABSENT = (
    "aws:principaltag/", "aws:calledvia", "aws:sourcevpc", "aws:vpc", "aws:principalorg", "aws:federatedprovider",
    "aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourceorg", "aws:sourceidentity",
    "aws:principalservicename", "aws:ec2instance", "aws:assumedroot", "lambda:sourcefunctionarn", "aws:username",
    "aws:multifactorauthage",
)  # fmt: skip
"""Keys that AWS would not send here either, as far as `_values` does not have them."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever calls.

    Attributes:
        principal: For policies of resources.
        attached: Their policies.
        values: Condition keys about them.
        expires_at_s: Of temporary credentials; None for others.
    """

    principal: Principal
    attached: Attached = field(default_factory=Attached)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    expires_at_s: float | None = None


ANONYMOUS = Caller(Principal("", ""), values={"aws:principaltype": ("Anonymous",)})


def read_caller(found: dict[str, Any]) -> Caller:
    """What `moto_ops.identities` says of a user or a role's session."""
    role_arn = found.get("role_arn", "")
    values: dict[str, tuple[str, ...]] = {
        "aws:principalarn": (role_arn or found["arn"],),
        "aws:principalaccount": (found["account"],),
        "aws:principaltype": ("AssumedRole" if role_arn else "User",),
        "aws:principalisawsservice": ("false",),
        "aws:userid": (found["user_id"],),
        "aws:multifactorauthpresent": ("false",) if role_arn else (),
    }
    if not role_arn:
        values["aws:username"] = (found["user_name"],)
    values |= {f"aws:principaltag/{key.lower()}": (str(value),) for key, value in found["tags"].items()}
    boundary, session = found.get("boundary"), found.get("session")
    attached = Attached(
        tuple(read_or_deny(name, document) for name, document in found["identity"]),
        read_or_deny(*boundary) if boundary else None,
        read_or_deny("session policy", session) if session else None,
    )
    return Caller(Principal(found["arn"], found["account"], role_arn), attached, values, found.get("expires_at_s"))


def read_trust(found: dict[str, Any]) -> Policy:
    """The trust policy of a role."""
    return read_or_deny("trust policy", found["trust"], trust=True)


def context_of(
    caller: Caller, call: Call, request: HttpRequest, now: datetime, values: dict[str, tuple[str, ...]]
) -> Context:
    """The condition keys of a request.

    Args:
        caller: Who sent it.
        call: What it asks.
        request: As it came, with its headers.
        now: The time.
        values: Keys of the service.
    """
    agent = request.header("user-agent")
    found = {
        "aws:requestedregion": (call.region,),
        "aws:securetransport": ("false",),
        "aws:viaawsservice": ("false",),
        "aws:resourceaccount": (call.account,),
        "aws:currenttime": (now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "aws:useragent": (agent,) if agent else (),
        **caller.values,
        **values,
    }
    if call.function_arn:
        found["lambda:sourcefunctionarn"] = (call.function_arn,)
    else:
        # A function's requests come from an address of AWS, which nobody here knows.
        found["aws:sourceip"] = ("127.0.0.1",)
    return Context(found, _ABSENT)
