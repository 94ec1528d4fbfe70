"""What a worker's AWS endpoint lets through: nothing that is moto's own, and of a plugin what its role allows.

moto decides what a request means by several headers, the path, the query and the body. Two readings of one request
would be a way around the check; so a plugin's request is not handed on: it is written anew from what was checked.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import unquote

from infra.local.denials import access_denied
from infra.local.moto_client import MotoRefused, Operations
from infra.local.policies import RolePolicies, allows
from infra.local.requests import AwsCall, form, json_object, read_call, signing_scope
from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse, json_response

_PLUGIN_ROLE = re.compile(r"arn:[^:]+:iam::\d+:role/[^/]+/plugins/[^/]+")
"""`infra.names.Names.role_path`, of whichever stack."""
_LOG_NAME = re.compile(r"[A-Za-z0-9_./#\[\]$-]{1,512}")
"""Without what would make one ARN look like another's: `:` and `*`."""
_LOGS_TARGET = "Logs_20140328."
_LOG_ACTIONS = ("CreateLogStream", "PutLogEvents")


@dataclass(frozen=True, slots=True)
class _Checked:
    """A request that was understood to the end."""

    resource: str
    headers: dict[str, str]
    body: bytes


class NothingOfMotos:
    """Takes moto's own headers from a worker's request, and refuses moto's own paths."""

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Forwards or refuses."""
        if "moto-api" in unquote(request.target).lower():
            return json_response(403, b'{"message":"not for functions"}')
        request.headers = [
            (name, value)
            for name, value in request.headers
            # An underscore is a dash to whoever reads headers by WSGI's names.
            if not name.lower().replace(b"_", b"-").startswith(b"x-moto-")
        ]
        return await forward(request)


class PluginRoles:
    """Refuses what a plugin's role does not allow; functions of the platform pass.

    Args:
        moto: Private operations; knows the roles' policies.
    """

    def __init__(self, moto: Operations) -> None:
        self._moto = moto

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Forwards or refuses."""
        spec = request.identity
        if spec is None or not _PLUGIN_ROLE.fullmatch(spec.role_arn):
            return await forward(request)
        call = read_call(request)
        if call == AwsCall("sts", "GetCallerIdentity"):
            # Needs no permission in AWS either.
            return await forward(_caller_identity(request))
        checked = _check_logs(request, call)
        resource = checked.resource if checked is not None else "*"
        action = f"{call.service or 's3'}:{call.action or request.method}"
        allowed = allows(await self._policies(spec.role_arn), action, resource)
        if checked is None or not allowed:
            role = spec.role_arn.rpartition("/")[2]
            who = f"arn:aws:sts::{spec.account_id}:assumed-role/{role}/{spec.function_name}"
            message = (
                f"User: {who} is not authorized to perform: {action} on resource: {resource} "
                f"because no identity-based policy allows the {action} action"
            )
            return access_denied(request, call, message)
        return await forward(_written_anew(request, checked.headers, checked.body))

    async def _policies(self, role_arn: str) -> RolePolicies:
        try:
            found = await self._moto.call("role", role_arn=role_arn)
        except MotoRefused:
            return RolePolicies(())  # a role that is gone allows nothing
        return RolePolicies(tuple(found["identity"]), found["boundary"])


def _check_logs(request: HttpRequest, call: AwsCall) -> _Checked | None:
    """A write to a log stream, the one thing that plugins' policies grant; None for everything else."""
    target = request.header("x-amz-target")
    if call.service != "logs" or call.action not in _LOG_ACTIONS or target != _LOGS_TARGET + call.action:
        return None
    fields = json_object(request.body)
    group, stream = fields.get("logGroupName"), fields.get("logStreamName")
    if not isinstance(group, str) or not isinstance(stream, str):
        return None
    if not _LOG_NAME.fullmatch(group) or not _LOG_NAME.fullmatch(stream):
        return None
    spec = request.identity
    assert spec is not None
    region = signing_scope(request.header("authorization")).region
    resource = f"arn:aws:logs:{region}:{spec.account_id}:log-group:{group}:log-stream:{stream}"
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    return _Checked(resource, headers, json.dumps(fields).encode())


def _caller_identity(request: HttpRequest) -> HttpRequest:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    version = form(request).get("Version", "2011-06-15")
    body = f"Action=GetCallerIdentity&Version={version}" if version.replace("-", "").isdigit() else ""
    return _written_anew(request, headers, body.encode())


def _written_anew(request: HttpRequest, headers: dict[str, str], body: bytes) -> HttpRequest:
    kept = {"Host": "127.0.0.1", "Authorization": request.header("authorization"), **headers}
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in kept.items()]
    return HttpRequest("POST", "/", pairs, body, request.identity)
