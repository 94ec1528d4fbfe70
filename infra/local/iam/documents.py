"""Policy documents, read once: what AWS would refuse is refused here, with where it is wrong. Pure.

Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.iam.conditions import Condition, ConditionUnreadable, read_condition
from infra.local.iam.matching import ArnGlob, Glob

DOCUMENT_MAX_BYTES = 128 * 1024
"""Far above every quota of AWS; a document beyond it is no policy."""
_VERSIONS = ("2012-10-17", "2008-10-17")
_ACTION = re.compile(r"\*|(?:[A-Za-z0-9-]+|\*):[A-Za-z0-9*?]+")
_ELEMENTS = frozenset(
    ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal")
)


class PolicyInvalid(Exception):  # noqa: N818 - names what it is
    """A document that is no policy; the message says where it is wrong."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        where: What people call it: `policy dispatcher, statement 2 (Sid OwnLogs)`.
        deny: Its effect.
        actions: Patterns, in lower case.
        not_actions: It is about all other actions.
        resources: Patterns; None in policies that belong to a role's trust.
        not_resources: It is about all other resources.
        conditions: All must hold.
        principals: By kind (`AWS`, `Service`); `{"AWS": ("*",)}` for everyone; None in policies of identities.
        unread: It has something that nobody here understands (`NotPrincipal`): never allows, always denies.
    """

    where: str
    deny: bool
    actions: tuple[Glob, ...]
    not_actions: bool = False
    resources: tuple[ArnGlob, ...] | None = None
    not_resources: bool = False
    conditions: tuple[Condition, ...] = ()
    principals: Mapping[str, tuple[str, ...]] | None = None
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """One document.

    Attributes:
        name: As messages call it.
        statements: In order.
    """

    name: str
    statements: tuple[Statement, ...]


def read_policy(name: str, document: Any, *, of_resource: bool = False, trust: bool = False) -> Policy:
    """Reads a document, text or already parsed.

    Args:
        name: As messages shall call it.
        document: JSON text, or the object.
        of_resource: It hangs on a resource, and says whom it is about.
        trust: It is a role's trust policy: it says whom, and no resource.

    Raises:
        PolicyInvalid: It is no policy.
    """
    if isinstance(document, str):
        document = _parsed(name, document)
    fields = _mapping(name, document)
    unknown = set(fields) - {"Version", "Id", "Statement"}
    if unknown:
        raise PolicyInvalid(f"{name}: no policy has {', '.join(sorted(unknown))}")
    version = fields.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise PolicyInvalid(f"{name}: Version is {version!r}, not 2012-10-17")
    raw = fields.get("Statement")
    statements = raw if isinstance(raw, list) else [raw]
    read = [
        _statement(f"{name}, statement {number}", one, version == _VERSIONS[0], of_resource or trust, trust)
        for number, one in enumerate(statements, 1)
    ]
    return Policy(name, tuple(read))


def read_or_deny(name: str, document: Any, *, of_resource: bool = False, trust: bool = False) -> Policy:
    """`read_policy`, and for what is no policy one that denies everything and says why."""
    try:
        return read_policy(name, document, of_resource=of_resource, trust=trust)
    except PolicyInvalid as error:
        everything = Statement(
            f"{error} (what cannot be read denies everything)", True, (Glob("*"),), resources=(ArnGlob("*"),),
            unread=True,
        )  # fmt: skip
        return Policy(name, (everything,))


def _parsed(name: str, text: str) -> Any:
    if len(text) > DOCUMENT_MAX_BYTES:
        raise PolicyInvalid(f"{name}: longer than {DOCUMENT_MAX_BYTES} characters")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise PolicyInvalid(f"{name}: a name occurs twice in one object: {[key for key, _ in pairs]}")
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise PolicyInvalid(f"{name}: not JSON: {error}") from error


def _statement(where: str, raw: Any, variables: bool, with_principal: bool, trust: bool) -> Statement:
    fields = _mapping(where, raw)
    sid = fields.get("Sid", "")
    if sid:
        where += f" (Sid {sid})"
    unknown = set(fields) - _ELEMENTS
    if unknown:
        raise PolicyInvalid(f"{where}: no statement has {', '.join(sorted(unknown))}")
    effect = fields.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyInvalid(f"{where}: Effect is {effect!r}, not Allow or Deny")
    action_name, actions = _one_of(where, fields, "Action", "NotAction")
    for one in actions:
        if not _ACTION.fullmatch(one):
            raise PolicyInvalid(f"{where}: {one!r} is no action")
    resources: tuple[ArnGlob, ...] | None = None
    resource_name = ""
    if not trust:
        resource_name, texts = _one_of(where, fields, "Resource", "NotResource")
        for one in texts:
            if one != "*" and not one.startswith("arn:"):
                raise PolicyInvalid(f"{where}: {one!r} is no ARN")
        resources = tuple(ArnGlob(one, variables=variables) for one in texts)
    elif "Resource" in fields or "NotResource" in fields:
        raise PolicyInvalid(f"{where}: a trust policy names no resource")
    return Statement(
        where,
        effect == "Deny",
        tuple(Glob("*" if one == "*:*" else one.lower(), variables=False) for one in actions),
        action_name == "NotAction",
        resources,
        resource_name == "NotResource",
        _conditions(where, fields.get("Condition", {}), variables),
        _principals(where, fields, with_principal),
        "NotPrincipal" in fields,
    )


def _principals(where: str, fields: Mapping[str, Any], wanted: bool) -> Mapping[str, tuple[str, ...]] | None:
    if not wanted:
        if "Principal" in fields or "NotPrincipal" in fields:
            raise PolicyInvalid(f"{where}: a policy of an identity names no principal")
        return None
    if "NotPrincipal" in fields and "Principal" not in fields:
        return {}
    raw = fields.get("Principal")
    if raw == "*":
        return {"AWS": ("*",)}
    found = {str(kind): _texts(where, "Principal", value) for kind, value in _mapping(where, raw).items()}
    if any("" in names for names in found.values()):
        raise PolicyInvalid(f"{where}: a principal without a name")
    if not found or not set(found) <= {"AWS", "Service", "Federated", "CanonicalUser"}:
        raise PolicyInvalid(f"{where}: Principal has {sorted(found)}, not AWS or Service")
    return found


def _conditions(where: str, raw: Any, variables: bool) -> tuple[Condition, ...]:
    found: list[Condition] = []
    for operator, keys in _mapping(where, raw).items():
        for key, value in _mapping(where, keys).items():
            try:
                found.append(
                    read_condition(operator, key, _texts(where, key, value, scalars=True), variables=variables)
                )
            except ConditionUnreadable as error:
                raise PolicyInvalid(f"{where}: {error}") from error
    return tuple(found)


def _one_of(where: str, fields: Mapping[str, Any], *names: str) -> tuple[str, tuple[str, ...]]:
    there = [name for name in names if name in fields]
    if len(there) != 1:
        raise PolicyInvalid(f"{where}: needs one of {' and '.join(names)}")
    return there[0], _texts(where, there[0], fields[there[0]])


def _texts(where: str, name: str, value: Any, *, scalars: bool = False) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    found: list[str] = []
    for one in values:
        if scalars and isinstance(one, bool):
            found.append("true" if one else "false")
        elif isinstance(one, str) or (scalars and isinstance(one, (int, float))):
            found.append(str(one))
        else:
            raise PolicyInvalid(f"{where}: {name} has {type(one).__name__}, not a text")
    if not found:
        raise PolicyInvalid(f"{where}: {name} is empty")
    return tuple(found)


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PolicyInvalid(f"{where}: {type(value).__name__} where an object belongs")
    return value
