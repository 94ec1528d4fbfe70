"""A function's record as the engine needs it, and its zips on disk."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from infra.local.moto_ops import OperationFailed
from infra.local.moto_patches.event_settings import SETTINGS
from infra.local.moto_patches.logging_config import logging_config
from infra.names import PROFILE_TAG, profile_in

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"

# API reference, Invoke, FunctionName: a name, a partial ARN or a full ARN, each with an optional qualifier.
_REFERENCE = re.compile(
    r"^(?:(?:arn:aws:lambda:(?P<region>[a-z0-9-]+):)?(?P<account>\d{12}):function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,140})(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?$"
)


def describe_function(store: Path, request: dict[str, Any]) -> dict[str, Any]:
    """`{function, qualifier, profile_bucket}` → everything a worker is made from.

    Args:
        store: Where artifacts are written, named by their sha256.
        request: As above.

    Raises:
        OperationFailed: No such function, version or alias; one that is not active yet; a sandbox profile that is
            not there.
    """
    from moto.awslambda.exceptions import UnknownFunctionException
    from moto.awslambda.utils import get_backend

    reference = str(request["function"])
    match = _REFERENCE.match(reference)
    if match is None:
        raise OperationFailed(
            400, "ValidationException", f"{reference!r} is neither a function's name nor its ARN"
        )
    inner, outer = match["qualifier"], request.get("qualifier") or None
    if inner and outer and inner != outer:
        raise OperationFailed(
            400, "InvalidParameterValueException", "The derived qualifier from the function name does not match"
        )
    qualifier = inner or outer
    region, account_id = match["region"] or REGION, match["account"] or ACCOUNT_ID
    backend = get_backend(account_id, region)
    try:
        function = backend.get_function(match["name"], qualifier)
    except UnknownFunctionException as error:
        raise OperationFailed(404, "ResourceNotFoundException", error.message) from error
    arn = f"arn:aws:lambda:{region}:{account_id}:function:{function.function_name}"
    if function.state != "Active":
        message = (
            "The operation cannot be performed at this time. The function is currently in the following state: "
        )
        raise OperationFailed(409, "ResourceConflictException", message + function.state)
    if function.package_type != "Zip":
        raise OperationFailed(502, "InvalidRuntimeException", f"{arn} is a container image; only zips run here")
    layers = [_layer(backend, store, layer["Arn"], arn) for layer in function.layers]
    record = {
        "function_name": function.function_name,
        "function_arn": arn,
        "version": str(function.version),
        "handler": function.handler or "",
        "runtime": function.run_time or "",
        "timeout_s": int(function.timeout),
        "memory_mb": int(function.memory_size),
        "environment": {str(key): str(value) for key, value in (function.environment_vars or {}).items()},
        "code": _artifact(store, function.code_bytes, function.code_sha_256),
        "layers": layers,
        "log_group": function.logs_group_name,
        "logging": _logging(function),
        "role_arn": function.role,
        "region": region,
        "account_id": account_id,
        "profile": _profile(_profile_key(function), request.get("profile_bucket") or "", account_id, arn),
    }
    record["revision"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]
    # Not of the revision: workers need not be made anew for what is around their calls.
    record["events"] = _events(backend, function, qualifier)
    record["reserved_concurrency"] = backend.get_function(function.function_name).reserved_concurrency
    record["routes"] = _routes(backend, function, qualifier)
    return record


def _logging(function: Any) -> dict[str, str]:
    config = logging_config(function)
    names = {"LogFormat": "format", "ApplicationLogLevel": "application_level", "SystemLogLevel": "system_level"}
    return {ours: config[theirs] for theirs, ours in names.items() if theirs in config}


def _events(backend: Any, function: Any, qualifier: str | None) -> dict[str, Any]:
    """What becomes of asynchronous calls; each version and alias has settings of its own."""
    latest = backend.get_function(function.function_name)
    config = latest.__dict__.get(SETTINGS, {}).get(qualifier or "$LATEST", {})
    destinations = config.get("DestinationConfig", {})
    found = {
        "retries_max": config.get("MaximumRetryAttempts"),
        "age_max_s": config.get("MaximumEventAgeInSeconds"),
        "on_success": destinations.get("OnSuccess", {}).get("Destination"),
        "on_failure": destinations.get("OnFailure", {}).get("Destination"),
        "dead_letters": (function.dead_letter_config or {}).get("TargetArn"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _routes(backend: Any, function: Any, qualifier: str | None) -> list[tuple[str, float]]:
    aliases = {alias.name: alias for alias in backend.list_aliases(function.function_name)}
    if qualifier not in aliases:
        return []
    return list(((aliases[qualifier].routing_config or {}).get("AdditionalVersionWeights") or {}).items())


def assume_role(request: dict[str, Any]) -> dict[str, str]:
    """`{role_arn, session_name, duration_s}` → temporary credentials, as Lambda gets them for a new environment.

    Raises:
        OperationFailed: The role is gone.
    """
    from moto.core.utils import unix_time
    from moto.iam.exceptions import NotFoundException
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    role_arn = str(request["role_arn"])
    account_id = role_arn.split(":")[4]
    try:
        iam_backends[account_id]["aws"].get_role_by_arn(role_arn)
    except NotFoundException as error:
        message = f"The role {role_arn} cannot be assumed by Lambda: it does not exist."
        raise OperationFailed(403, "AccessDeniedException", message) from error
    role = sts_backends[account_id]["aws"].assume_role(
        region_name=REGION,
        role_session_name=str(request["session_name"])[:64],
        role_arn=role_arn,
        policy="",
        duration=int(request["duration_s"]),
        external_id="",
    )
    return {
        "access_key_id": role.access_key_id,
        "secret_access_key": role.secret_access_key,
        "session_token": role.session_token,
        "expires_at_s": str(unix_time(role.expiration)),
    }


def _layer(backend: Any, store: Path, layer_arn: str, function_arn: str) -> dict[str, str]:
    layer = backend.layers_versions_by_arn(layer_arn)
    if layer is None:
        raise OperationFailed(502, "InvalidZipFileException", f"layer {layer_arn} of {function_arn} is gone")
    return _artifact(store, layer.code_bytes, layer.code_sha_256)


def _artifact(store: Path, content: bytes, sha256_base64: str) -> dict[str, str]:
    sha256 = base64.b64decode(sha256_base64).hex()
    path = store / "artifacts" / f"{sha256}.zip"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).rename(path)
    return {"sha256": sha256, "path": str(path)}


def _profile_key(function: Any) -> str:
    """A version names its own, in its description; the tag is what an earlier version of the platform set."""
    tags = function.tags or {}
    return profile_in(function.description or "") or str(tags.get(PROFILE_TAG, ""))


def _profile(key: str, bucket: str, account_id: str, arn: str) -> dict[str, Any] | None:
    """The process profile that the deploy stored; it never comes from the package or the environment."""
    from moto.s3.models import s3_backends

    if not key:
        return None
    if not bucket:
        message = f"{arn} names a sandbox profile, but no artifact bucket is known: the platform is not deployed"
        raise OperationFailed(500, "ServiceException", message)
    found = s3_backends[account_id]["aws"].buckets.get(bucket)
    stored = found.keys.get(key) if found is not None else None
    if stored is None:
        raise OperationFailed(
            500, "ServiceException", f"the sandbox profile s3://{bucket}/{key} of {arn} is missing"
        )
    try:
        profile = json.loads(stored.value)
    except ValueError as error:
        message = f"the sandbox profile s3://{bucket}/{key} of {arn} is not JSON: {error}"
        raise OperationFailed(500, "ServiceException", message) from error
    if not isinstance(profile, dict):
        message = f"the sandbox profile s3://{bucket}/{key} of {arn} is not an object"
        raise OperationFailed(500, "ServiceException", message)
    return profile
