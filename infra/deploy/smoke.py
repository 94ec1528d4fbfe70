"""The smoke call: imports the plugin's class in the new version and calls no hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.rules.classify import classify
from control_plane.rules.wording import headline
from control_plane.table.errors import place
from services_ai_sdk.wire.envelope import Envelope
from services_ai_sdk.wire.errors import FindingsError, PlatformError
from services_ai_sdk.wire.jsontext import dumps

if TYPE_CHECKING:
    from control_plane.operations.ports import Earlier

SMOKE_PASSED = "passed"
TROUBLE = frozenset({"ServiceException"})
"""Codes after which the call may be made again: it calls no hook."""
NOT_RUN_HEADER = "x-services-ai-not-run"
"""Set by the local cloud alone, where this machine has not the Python that the function wants."""


def smoke_call(invoke: Any, function_name: str, called: Earlier) -> str:
    """Invokes one version without a hook.

    Args:
        invoke: A Lambda client that makes one attempt.
        function_name: The plugin's function.
        called: Which version, and what it was granted.

    Returns:
        `passed`, or `not run: …` with what this machine lacks.

    Raises:
        FindingsError: The plugin does not start; `details["failure"]` is its failure as the wire has it.
        ClientError: AWS refused the call itself.
    """
    envelope = Envelope(
        invocation_id=f"smoke-{called.plugin_id}-{called.function_version}",
        event_id=f"smoke-{called.plugin_id}-{called.function_version}",
        hook="",
        mode="sync",
        plugin_id=called.plugin_id,
        plugin_version=called.version,
        epoch=0,
        args={},
        permissions=called.grants,
    )
    try:
        answer = invoke.invoke(
            FunctionName=function_name,
            Qualifier=called.function_version,
            Payload=dumps(envelope.to_dict()).encode(),
        )
    except ClientError as error:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if NOT_RUN_HEADER in headers:
            return f"not run: {headers[NOT_RUN_HEADER]}"
        raise
    function_error = answer.get("FunctionError", "")
    found = classify(answer["StatusCode"], function_error, answer["Payload"].read())
    if found.result is not None:
        return SMOKE_PASSED
    failure = found.failure
    if failure is None:
        raise PlatformError(f"the smoke call of {called.plugin_id} was not made: {found.reason}", retryable=True)
    did = "does not start" if function_error else "answers what is no result"
    where, source = place(failure)
    lines = [f"{called.plugin_id} {called.version} {did}: {headline(failure.type, failure.message)}"]
    if where:
        lines.append(f"  at {where}{':' if source else ''}")
    if source:
        lines.append(f"      {source}")
    raise FindingsError(
        "\n".join(lines),
        code="smoke-failed",
        hint=f"mend it, then services-ai-plugin package and submit, and approve it again; the whole trace:"
        f" services-ai-admin why {called.plugin_id}. What was live before stays live",
        details={"failure": failure.to_dict()},
    )
