"""CloudWatch Logs. Source: Service Authorization Reference, "Amazon CloudWatch Logs"."""

from __future__ import annotations

import re

from infra.local.iam.reading import Ambiguous, Call
from infra.local.iam.services.need import Facts, Need, of_arn_or_name

_OF_STREAM = frozenset({"CreateLogStream", "DeleteLogStream", "PutLogEvents", "GetLogEvents"})
_NAME = re.compile(r"[A-Za-z0-9_./#\[\]$-]{1,512}")
"""Without what would make one ARN look like another's: `:` and `*`."""


async def needs(call: Call, facts: Facts) -> list[Need]:
    """The permissions that a request needs; a group's ARN ends with `:log-stream:`, as in AWS's messages."""
    del facts
    action = f"logs:{call.operation}"
    if "logGroupIdentifier" in call.fields and "logGroupName" in call.fields:
        raise Ambiguous("logGroupName and logGroupIdentifier in one request")
    group = call.text("logGroupName") or call.text("logGroupIdentifier")
    if group.startswith("arn:"):
        group = of_arn_or_name(call, group, "").partition(":log-group:")[2]
    if not group:
        if call.operation.startswith("Describe"):
            return [Need(action, call.arn("log-group::log-stream:"))]
        if "resourceArn" in call.fields:
            return [Need(action, of_arn_or_name(call, call.text("resourceArn"), ""))]
        return [Need(action, known=False)]
    if not _NAME.fullmatch(group):
        raise Ambiguous(f"log group {group!r}")
    stream = call.text("logStreamName") if call.operation in _OF_STREAM else ""
    if stream and not _NAME.fullmatch(stream):
        raise Ambiguous(f"log stream {stream!r}")
    return [Need(action, call.arn(f"log-group:{group}:log-stream:{stream}"))]
