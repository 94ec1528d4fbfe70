"""One permission that a request needs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from infra.local.iam.reading import Ambiguous, Call

_ARN = re.compile(r"arn:aws:([a-z0-9-]+):([a-z0-9-]*):([0-9]*):(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Need:
    """One permission.

    Attributes:
        action: `sqs:SendMessage`.
        resource: Its ARN; `*` for an action that has none.
        known: False where the resource is not known: only a statement about all resources allows it.
        values: Condition keys of the service, in lower case; no value: known not to be there.
    """

    action: str
    resource: str = "*"
    known: bool = True
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Facts = Callable[..., Awaitable[object]]
"""Asks moto what a request does not say: `await facts("iam/table-keys", table="t", region="us-east-1")`."""


def of_arn_or_name(call: Call, text: str, kind: str, *, service: str = "") -> str:
    """The ARN that a name or an ARN in a request means: of this account and the region that it is signed for.

    Raises:
        Ambiguous: It is an ARN of another service, account or region, which moto would not look at.
    """
    if not text.startswith("arn:"):
        return call.arn(kind + text, service)
    match = _ARN.fullmatch(text)
    if match is None or match[1] != (service or call.service):
        raise Ambiguous(f"{text!r} is no ARN of {service or call.service}")
    if match[2] not in ("", call.region) or match[3] not in ("", call.account):
        raise Ambiguous(f"{text} is not of account {call.account} and region {call.region}")
    return text
