"""A resource type that moto cannot update turns into nothing when the template changes it.

Later references to it fail, far from the cause. Refusing says what to do instead.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Refuses the update, by name."""
    from moto.cloudformation import parsing
    from moto.cloudformation.exceptions import ValidationError

    update: Any = parsing.parse_and_update_resource

    def parse_and_update_resource(logical_id: str, resource_json: Any, *args: Any, **kwargs: Any) -> Any:
        changed = update(logical_id, resource_json, *args, **kwargs)
        if changed is None and not resource_json.get("Condition"):
            kind = resource_json["Type"]
            raise ValidationError(
                message=f"resource {logical_id}: the local cloud cannot update a {kind} in place"
            )
        return changed

    parsing.parse_and_update_resource = parse_and_update_resource
