"""Who an access key is, what is attached to them, and what a check of a request has to know besides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from infra.local.moto_ops import OperationFailed


def caller(request: dict[str, Any]) -> dict[str, Any]:
    """`{access_key}` → who it is, and all that decides about them.

    Raises:
        OperationFailed: Nobody's key.
    """
    from moto.core.utils import unix_time
    from moto.iam.models import get_account_id_from
    from moto.sts.models import sts_backends

    key = str(request["access_key"])
    account_id = get_account_id_from(key)
    session = sts_backends[account_id]["aws"].get_assumed_role_from_access_key(key)
    if session is not None:
        found = role({"role_arn": session.role_arn, "session_name": session.session_name})
        policy = session.policy or None
        return {**found, "expires_at_s": unix_time(session.expiration), "session": policy}
    backend = _iam(account_id)
    user = backend.get_user_from_access_key_id(key)
    if user is None or user.get_access_key_by_id(key).status != "Active":
        raise OperationFailed(403, "InvalidClientTokenId", "nobody's access key")
    return {
        "arn": user.arn,
        "account": account_id,
        "user_id": user.id,
        "user_name": user.name,
        "tags": {tag["Key"]: tag["Value"] for tag in user.tags or ()},
        "identity": _policies(user)
        + [one for group in backend.get_groups_for_user(user.name) for one in _policies(group)],
        "boundary": _boundary(backend, user),
    }


def role(request: dict[str, Any]) -> dict[str, Any]:
    """`{role_arn, session_name}` → the same for a session of a role.

    A boundary whose policy is gone allows nothing, as in AWS.

    Raises:
        OperationFailed: The role is gone.
    """
    from moto.iam.exceptions import NotFoundException

    role_arn = str(request["role_arn"])
    account_id = role_arn.split(":")[4]
    backend = _iam(account_id)
    try:
        found = backend.get_role_by_arn(role_arn)
    except NotFoundException as error:
        raise OperationFailed(404, "NoSuchEntity", f"no role {role_arn}") from error
    name, session = role_arn.rpartition("/")[2], str(request.get("session_name", ""))
    return {
        "arn": f"arn:aws:sts::{account_id}:assumed-role/{name}/{session}",
        "account": account_id,
        "user_id": f"{found.id}:{session}",
        "role_arn": role_arn,
        "tags": {tag["Key"]: tag["Value"] for tag in found.tags or ()},
        "identity": _policies(found),
        "boundary": _boundary(backend, found),
        "trust": found.assume_role_policy_document,
    }


def path(request: dict[str, Any]) -> str:
    """`{kind, name, account}` → the path of a role, user or group; `/` where there is none such."""
    backend = _iam(str(request["account"]))
    kind, name = str(request["kind"]), str(request["name"])
    if kind == "role":
        there: Iterable[Any] = (one for one in backend.roles.values() if one.name == name)
    elif kind == "user":
        there = filter(None, [backend.users.get(name)])
    elif kind == "group":
        there = filter(None, [backend.groups.get(name)])
    else:
        there = (one for one in backend.instance_profiles.values() if one.name == name)
    return next((str(one.path or "/") for one in there), "/")


def function_role(request: dict[str, Any]) -> str:
    """`{function}` → the role of a function, by name or ARN; empty where there is no such function."""
    from moto.awslambda.exceptions import UnknownFunctionException
    from moto.awslambda.utils import get_backend

    from infra.local.moto_ops.functions import ACCOUNT_ID, REGION

    name = str(request["function"]).rpartition("function:")[2].partition(":")[0]
    try:
        return str(get_backend(ACCOUNT_ID, REGION).get_function(name).role)
    except UnknownFunctionException:
        return ""


def table_key(request: dict[str, Any]) -> str:
    """`{table, index, region, account}` → the partition key's attribute; empty where there is no such table."""
    from moto.dynamodb.models import dynamodb_backends

    table = dynamodb_backends[str(request["account"])][str(request["region"])].tables.get(str(request["table"]))
    if table is None:
        return ""
    index = str(request.get("index") or "")
    if not index:
        return str(table.hash_key_attr)
    schemas = [one.schema for one in (*table.indexes, *table.global_indexes) if one.name == index]
    keys = [key["AttributeName"] for schema in schemas for key in schema if key["KeyType"] == "HASH"]
    return str(keys[0]) if len(keys) == 1 else ""


def secret_arn(request: dict[str, Any]) -> str:
    """`{secret, region, account}` → the ARN of a secret that is named; empty where there is none such."""
    from moto.secretsmanager.models import secretsmanager_backends

    backend = secretsmanager_backends[str(request["account"])][str(request["region"])]
    found = backend.secrets.get(str(request["secret"]))
    return str(found.arn) if found is not None else ""


def resource_policy(request: dict[str, Any]) -> Any:
    """`{arn}` → the policy of a queue, topic, bucket, function or role's trust; null where it has none."""
    arn = str(request["arn"])
    service = arn.split(":")[2]
    return _POLICIES[service](arn) if service in _POLICIES else None


def _of_queue(arn: str) -> Any:
    from moto.sqs.models import sqs_backends

    _, _, _, region, account_id, name = arn.split(":", 5)
    queue = sqs_backends[account_id][region].queues.get(name)
    return (queue.policy or None) if queue is not None else None


def _of_topic(arn: str) -> Any:
    from moto.sns.models import sns_backends

    _, _, _, region, account_id, _ = arn.split(":", 5)
    topic = sns_backends[account_id][region].topics.get(arn)
    return topic.policy if topic is not None else None


def _of_bucket(arn: str) -> Any:
    from moto.s3.models import s3_backends

    from infra.local.moto_ops.functions import ACCOUNT_ID

    bucket = s3_backends[ACCOUNT_ID]["aws"].buckets.get(arn.split(":", 5)[5].partition("/")[0])
    return bucket.policy.decode("utf-8", "replace") if bucket is not None and bucket.policy else None


def _of_function(arn: str) -> Any:
    from moto.awslambda.exceptions import UnknownFunctionException
    from moto.awslambda.utils import get_backend

    _, _, _, region, account_id, resource = arn.split(":", 5)
    if not resource.startswith("function:"):
        return None
    try:
        function = get_backend(account_id, region).get_function(resource.split(":")[1])
    except UnknownFunctionException:
        return None
    statements = function.policy.statements
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


_POLICIES: dict[str, Callable[[str], Any]] = {
    "sqs": _of_queue,
    "sns": _of_topic,
    "s3": _of_bucket,
    "lambda": _of_function,
}


def _iam(account_id: str) -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[account_id]["aws"]


def _policies(owner: Any) -> list[list[Any]]:
    found = [[f"policy {name}", document] for name, document in owner.policies.items()]
    return found + [[f"policy {one.name}", _default(one)] for one in owner.managed_policies.values()]


def _boundary(backend: Any, owner: Any) -> Any:
    arn = getattr(owner, "permissions_boundary_arn", None)
    if not arn:
        return None
    found = backend.managed_policies.get(arn)
    return [
        "permissions boundary",
        {"Version": "2012-10-17", "Statement": []} if found is None else _default(found),
    ]


def _default(policy: Any) -> Any:
    document = next(version.document for version in policy.versions if version.is_default)
    return document if isinstance(document, str) else json.loads(json.dumps(document))
