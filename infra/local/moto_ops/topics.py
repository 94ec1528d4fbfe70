"""An SNS topic as Lambda's destinations see it."""

from __future__ import annotations

from typing import Any

from infra.local.moto_ops import OperationFailed

MESSAGE_BYTES_MAX = 262_144
"""SNS quotas; moto itself counts only what comes through its API."""


def publish(request: dict[str, Any]) -> dict[str, Any]:
    """`{topic_arn, body, attributes: {name: [data type, value]}}`: a destination or a dead letter.

    Raises:
        OperationFailed: The topic is gone, or does not take it.
    """
    from moto.core.exceptions import ServiceException
    from moto.sns.models import sns_backends

    arn, body = str(request["topic_arn"]), str(request["body"])
    if len(body.encode()) > MESSAGE_BYTES_MAX:
        raise OperationFailed(400, "InvalidParameter", f"the message is larger than {MESSAGE_BYTES_MAX} bytes")
    attributes = {
        # A number, as moto has it: filter policies compare it.
        name: {"Type": kind, "Value": int(value) if kind == "Number" else value}
        for name, (kind, value) in request.get("attributes", {}).items()
    }
    parts = arn.split(":")
    try:
        sns_backends[parts[4]][parts[3]].publish(body, arn=arn, message_attributes=attributes)
    except ServiceException as error:
        raise OperationFailed(400, type(error).__name__, str(error)) from error
    return {}
