"""Which services are read to the end; of all others only the action is known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from infra.local.iam.reading import Call
from infra.local.iam.services import dynamodb, functions, identities, logs, messaging, others, s3
from infra.local.iam.services.need import Facts, Need

_SERVICES: dict[str, Callable[[Call, Facts], Awaitable[list[Need]]]] = {
    "dynamodb": dynamodb.needs,
    "sqs": messaging.of_queue,
    "sns": messaging.of_topic,
    "s3": s3.needs,
    "lambda": functions.needs,
    "logs": logs.needs,
    "iam": identities.of_iam,
    "sts": identities.of_sts,
    "ses": others.of_mail,
    "ssm": others.of_parameter,
    "secretsmanager": others.of_secret,
    "cloudformation": others.of_stack,
}


async def needs_of(call: Call, facts: Facts) -> list[Need]:
    """The permissions that a request needs.

    Raises:
        Ambiguous: What it is about could be read in two ways.
    """
    service = _SERVICES.get(call.service)
    found = [] if service is None else await service(call, facts)
    if not found and call.service != "sts":
        return [Need(f"{call.service}:{call.operation}", known=False)]
    return found
