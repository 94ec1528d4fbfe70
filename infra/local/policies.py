"""Whether a role's policies allow one action on one resource. Pure.

What this does not understand never allows and always denies: conditions, policy variables, NotAction, NotResource.
Source: IAM User Guide, "Policy evaluation logic".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_NOT_READ = ("Condition", "NotAction", "NotResource", "NotPrincipal", "Principal")


@dataclass(frozen=True, slots=True)
class RolePolicies:
    """What is attached to a role.

    Attributes:
        identity: Documents of its inline and managed policies.
        boundary: Its permissions boundary; None when it has none.
    """

    identity: tuple[dict[str, Any], ...]
    boundary: dict[str, Any] | None = None


def allows(policies: RolePolicies, action: str, resource: str) -> bool:
    """Whether the role may do it: allowed by a policy and by the boundary, denied by none.

    Args:
        policies: The role's.
        action: `logs:PutLogEvents`.
        resource: ARN; `*` where the request names none, or none that is understood.
    """
    bounds = () if policies.boundary is None else (policies.boundary,)
    if any(_matches(one, "Deny", action, resource) for one in _statements((*policies.identity, *bounds))):
        return False
    if not all(any(_matches(one, "Allow", action, resource) for one in _statements((bound,))) for bound in bounds):
        return False
    return any(_matches(one, "Allow", action, resource) for one in _statements(policies.identity))


def _statements(documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for document in documents:
        statements = document.get("Statement", [])
        found += [statements] if isinstance(statements, dict) else statements
    return found


def _matches(statement: dict[str, Any], effect: str, action: str, resource: str) -> bool:
    if statement.get("Effect") != effect:
        return False
    if any(name in statement for name in _NOT_READ):
        return effect == "Deny"
    actions, resources = _texts(statement.get("Action")), _texts(statement.get("Resource"))
    if not any(_pattern(one.lower()).fullmatch(action.lower()) for one in actions):
        return False
    if effect == "Deny" and (resource == "*" or any("${" in one for one in resources)):
        return True
    return any("${" not in one and _pattern(one).fullmatch(resource) for one in resources)


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value or ()]


@functools.lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"([*?])", text)
    written = ("." if part == "?" else ".*" if part == "*" else re.escape(part) for part in parts)
    return re.compile("".join(written), re.DOTALL)
