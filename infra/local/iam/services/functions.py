"""Lambda. Source: Service Authorization Reference, "AWS Lambda"."""

from __future__ import annotations

import re
from typing import Any

from infra.local.iam.reading import Ambiguous, Call
from infra.local.iam.services.need import Facts, Need

_ACTIONS = {
    "Invoke": "InvokeFunction",
    "InvokeAsync": "InvokeAsync",
    "InvokeWithResponseStream": "InvokeFunction",
    "ListLayerVersions": "ListLayerVersions",
}
_FUNCTION = re.compile(
    r"(?:(?:arn:aws:lambda:([a-z0-9-]+):)?(\d{12}):function:)?([A-Za-z0-9_-]{1,140})(?::(\$LATEST|[A-Za-z0-9_-]{1,128}))?"
)
_HOME_REGION = "us-east-1"


async def needs(call: Call, facts: Facts) -> list[Need]:
    """The permissions that a request needs."""
    del facts
    action = f"lambda:{_ACTIONS.get(call.operation, call.operation)}"
    fields = call.fields
    if call.operation in ("ListFunctions", "ListLayers", "GetAccountSettings", "ListEventSourceMappings",
                          "CreateEventSourceMapping", "ListLayerVersions"):  # fmt: skip
        return [Need(action)]
    if "UUID" in fields:
        return [Need(action, call.arn(f"event-source-mapping:{call.text('UUID')}"))]
    if "LayerName" in fields:
        name = call.text("LayerName").rpartition("layer:")[2]
        version = str(fields.get("VersionNumber", ""))
        return [Need(action, call.arn(f"layer:{name}" + (f":{version}" if version else "")))]
    if "FunctionName" not in fields:
        return [Need(action, known=False)]
    return [Need(action, _function(call)), *_passed(call)]


def _function(call: Call) -> str:
    match = _FUNCTION.fullmatch(call.text("FunctionName"))
    if match is None:
        raise Ambiguous(f"FunctionName {call.text('FunctionName')!r}")
    region, account, name, inner = match.groups()
    region, account = region or call.region, account or call.account
    if account != call.account or region != call.region:
        raise Ambiguous(f"{call.text('FunctionName')} is not of account {call.account} and region {call.region}")
    if call.operation.startswith("Invoke") and region != _HOME_REGION:
        raise Ambiguous(f"functions run in {_HOME_REGION} here, not in {region}")
    outer = call.text("Qualifier")
    if inner and outer and inner != outer:
        raise Ambiguous("two qualifiers")
    qualifier = inner or outer
    return call.arn(f"function:{name}" + (f":{qualifier}" if qualifier else ""))


def _passed(call: Call) -> list[Need]:
    """What a function is given: its role, its layers, its code in a bucket."""
    found: list[Need] = []
    if call.operation not in ("CreateFunction", "UpdateFunctionConfiguration", "UpdateFunctionCode"):
        return found
    role = call.text("Role")
    if role:
        values = {
            "iam:passedtoservice": ("lambda.amazonaws.com",),
            "iam:associatedresourcearn": (_function(call),),
        }
        found.append(Need("iam:PassRole", role, values=values))
    layers = call.fields.get("Layers")
    found += [Need("lambda:GetLayerVersion", str(layer)) for layer in (layers if isinstance(layers, list) else [])]
    raw = call.fields.get("Code")
    code: dict[str, Any] = raw if isinstance(raw, dict) else call.fields
    if code.get("S3Bucket"):
        found.append(Need("s3:GetObject", f"arn:aws:s3:::{code['S3Bucket']}/{code.get('S3Key', '')}"))
    return found
