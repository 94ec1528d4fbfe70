"""moto's CloudFormation keeps a role's inline policies as Python's text of them instead of JSON.

It also drops ManagedPolicyArns, and an update changes neither policies nor trust.
"""

from __future__ import annotations

import json
from typing import Any


def apply() -> None:
    """Sets policies and trust after moto made or updated the role."""
    from moto.iam.models import Role

    model: Any = Role
    create = model.create_from_cloudformation_json.__func__
    update = model.update_from_cloudformation_json.__func__

    def created(cls: Any, /, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        return _complete(create(cls, resource_name, cloudformation_json, *args, **kwargs), cloudformation_json)

    def updated(cls: Any, /, **kwargs: Any) -> Any:
        original = kwargs["original_resource"]
        update(cls, **kwargs)
        return _complete(original, kwargs["cloudformation_json"])

    model.create_from_cloudformation_json = classmethod(created)
    model.update_from_cloudformation_json = classmethod(updated)


def _complete(role: Any, template: dict[str, Any]) -> Any:
    from moto.iam.models import iam_backends

    properties = template["Properties"]
    role.assume_role_policy_document = _json(properties["AssumeRolePolicyDocument"])
    wanted = {policy["PolicyName"]: _json(policy["PolicyDocument"]) for policy in properties.get("Policies", ())}
    for name in set(role.policies) - set(wanted):
        role.delete_policy(name)
    for name, document in wanted.items():
        role.put_policy(name, document)
    for arn in properties.get("ManagedPolicyArns", ()):
        if arn not in role.managed_policies:
            iam_backends[role.account_id]["aws"].attach_role_policy(arn, role.name)
    return role


def _json(document: Any) -> str:
    # YAML reads an unquoted policy version as a date.
    return document if isinstance(document, str) else json.dumps(document, default=str)
