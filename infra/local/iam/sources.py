"""CreateEventSourceMapping, refused where the function's role may not read the source, as Lambda refuses it."""

from __future__ import annotations

import json
from typing import Any

from infra.local.iam.knowledge import Knowledge
from infra.local.iam.roles import Roles
from infra.local.requests import json_object
from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse, json_response

_PATH = "/2015-03-31/event-source-mappings"
# What Lambda asks of the role: AWS Lambda Developer Guide, "Execution role permissions" of each source.
NEEDED = {
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    "dynamodb": ("GetRecords", "GetShardIterator", "DescribeStream"),
}
_NAMES = {"sqs": "SQS", "dynamodb": "DynamoDB"}


class SourcesNeedPermission:
    """Asks the role before a mapping is made, whoever makes it.

    Args:
        knowledge: Which role a function has.
        roles: What the role may do.
    """

    def __init__(self, knowledge: Knowledge, roles: Roles) -> None:
        self._knowledge = knowledge
        self._roles = roles

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Forwards or refuses."""
        if request.method == "POST" and request.path.rstrip("/") == _PATH:
            why = await self._refusal(json_object(request.body))
            if why:
                body = json.dumps({"Type": "User", "message": why, "Message": why}).encode()
                return json_response(400, body, x_amzn_ErrorType="InvalidParameterValueException")
        return await forward(request)

    async def _refusal(self, fields: dict[str, Any]) -> str:
        source, function = str(fields.get("EventSourceArn", "")), str(fields.get("FunctionName", ""))
        service = source.split(":")[2] if source.count(":") >= 5 else ""
        role_arn = str(await self._knowledge("iam/function-role", function=function)) if service in NEEDED else ""
        if not role_arn:
            return ""  # no such function or source: moto's to say
        for one in NEEDED[service]:
            why = await self._roles.refuses(role_arn, function, f"{service}:{one}", source)
            if why:
                return (
                    f"The provided execution role does not have permissions to call {one} on {_NAMES[service]}"
                    f" (in the local cloud: {why})"
                )
        return ""
