"""The smoke call: imports the plugin's class in the new version and calls no hook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from services_ai_sdk.wire.envelope import Envelope
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError
from services_ai_sdk.wire.jsontext import dumps, loads
from services_ai_sdk.wire.result import Result

if TYPE_CHECKING:
    from infra.deploy.plan import DeployPlan

SMOKE_PASSED = "passed"
SMOKE_NOT_NEEDED = "not needed: this release is live already"
NOT_RUN_HEADER = "x-services-ai-not-run"
"""Set by the local cloud alone, where this machine has not the Python that the function wants."""


def smoke_call(invoke: Any, plan: DeployPlan, version: str) -> str:
    """Invokes one version without a hook.

    Returns:
        `passed`, or `not run: …` with what this machine lacks.

    Raises:
        FindingsError: The plugin does not import; `details["failure"]` is what Lambda answered.
        ClientError: AWS refused the call itself.
    """
    manifest = plan.release.manifest
    envelope = Envelope(
        invocation_id=f"smoke-{manifest.plugin_id}-{version}",
        event_id=f"smoke-{manifest.plugin_id}-{version}",
        hook="",
        mode="sync",
        plugin_id=manifest.plugin_id,
        plugin_version=manifest.version,
        epoch=0,
        args={},
        permissions=plan.release.grants,
    )
    try:
        answer = invoke.invoke(
            FunctionName=plan.function_name, Qualifier=version, Payload=dumps(envelope.to_dict()).encode()
        )
    except ClientError as error:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if NOT_RUN_HEADER in headers:
            return f"not run: {headers[NOT_RUN_HEADER]}"
        raise
    payload = answer["Payload"].read()
    if "FunctionError" in answer:
        raise FindingsError(
            f"{manifest.plugin_id} {manifest.version} does not start: {_reason(payload)}",
            code="smoke-failed",
            hint=f"services-ai-plugin validate shows what the package lacks; "
            f"services-ai-admin logs {manifest.plugin_id} has the whole trace; what was live stays live",
            details={"failure": payload.decode("utf-8", "replace")[:8192]},
        )
    try:
        Result.from_dict(loads(payload, what="the answer to the smoke call"))
    except InvalidInputError as error:
        raise FindingsError(
            f"{manifest.plugin_id} {manifest.version} answers what is no result: {error.message}",
            code="smoke-failed",
        ) from error
    return SMOKE_PASSED


def _reason(payload: bytes) -> str:
    """`Type: message` of a FunctionError, whoever wrote it: our wrapper, the runtime, or Lambda itself."""
    try:
        outer = json.loads(payload)
        message = str(outer["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return payload.decode("utf-8", "replace")[:500]
    try:
        inner = json.loads(message)
        return f"{inner['type']}: {inner['message']}"[:500]
    except (ValueError, KeyError, TypeError):
        return f"{outer.get('errorType', 'Error')}: {message}"[:500]
