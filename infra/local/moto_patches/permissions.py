"""moto keeps one policy for a function, its versions and its aliases, and takes a statement's id twice.

In Lambda each version and alias has a policy of its own, and a second statement of the same id is a conflict.
Source: API Reference, "AddPermission", "GetPolicy", "RemovePermission": Qualifier, ResourceConflictException.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

_POLICIES = "policies_by_qualifier"
"""Attribute of a function's $LATEST: the policies of its versions and aliases."""


def apply() -> None:
    """Keeps them apart, and answers as Lambda does."""
    from moto.awslambda.models import LambdaBackend
    from moto.awslambda.responses import LambdaResponse

    model: Any = LambdaBackend
    responses: Any = LambdaResponse

    def add_permission(self: Any, function_name: str, qualifier: str | None, raw: str) -> Any:
        policy = _policy(self, function_name, qualifier)
        sid = json.loads(raw).get("StatementId")
        if any(one.get("Sid") == sid for one in policy.statements):
            raise _conflict(sid)
        return policy.add_statement(raw, qualifier)[0]

    def get_policy(self: Any, function_name: str, qualifier: str | None = None) -> Any:
        return _policy(self, function_name, qualifier).wire_format()

    def remove_permission(self: Any) -> Any:
        *_, name, _policies, sid = self.path.split("?")[0].split("/")
        asked = {key: self.querystring.get(key, [""])[0] for key in ("Qualifier", "RevisionId")}
        policy = _policy(self.backend, unquote(name), asked["Qualifier"])
        policy.del_statement(unquote(sid), asked["RevisionId"])
        return 204, {"status": 204}, ""

    model.add_permission = add_permission
    model.get_policy = get_policy
    responses.remove_permission = remove_permission


def _policy(backend: Any, name: str, qualifier: str | None) -> Any:
    from moto.awslambda.policy import Policy

    found = backend.get_function(name, qualifier or None)
    latest = backend.get_function(found.function_name)
    own_name = name.rpartition("function:")[2]
    qualifier = qualifier or own_name.partition(":")[2]
    if not qualifier or qualifier == "$LATEST":
        return latest.policy
    return latest.__dict__.setdefault(_POLICIES, {}).setdefault(qualifier, Policy(latest))


def _conflict(sid: str) -> Exception:
    from moto.awslambda.exceptions import LambdaClientError

    error = LambdaClientError(
        "ResourceConflictException",
        f"The statement id ({sid}) provided already exists. "
        "Please provide a new statement id, or remove the existing statement.",
    )
    error.code = 409
    return error
