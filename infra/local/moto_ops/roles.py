"""What a role's policies say, for the check of what its function calls."""

from __future__ import annotations

import json
from typing import Any

from infra.local.moto_ops import OperationFailed


def policies(request: dict[str, Any]) -> dict[str, Any]:
    """`{role_arn}` → `{identity: [document…], boundary: document or null}`.

    A boundary whose policy is gone allows nothing, as in AWS.

    Raises:
        OperationFailed: The role is gone.
    """
    from moto.iam.exceptions import NotFoundException
    from moto.iam.models import iam_backends

    role_arn = str(request["role_arn"])
    backend = iam_backends[role_arn.split(":")[4]]["aws"]
    try:
        role = backend.get_role_by_arn(role_arn)
    except NotFoundException as error:
        raise OperationFailed(404, "NoSuchEntity", f"no role {role_arn}") from error
    documents = [_object(one) for one in role.policies.values()]
    documents += [_default(one) for one in role.managed_policies.values()]
    boundary = None
    if role.permissions_boundary_arn:
        found = backend.managed_policies.get(role.permissions_boundary_arn)
        boundary = {"Statement": []} if found is None else _default(found)
    return {"identity": documents, "boundary": boundary}


def _default(policy: Any) -> Any:
    return _object(next(version.document for version in policy.versions if version.is_default))


def _object(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) else document
