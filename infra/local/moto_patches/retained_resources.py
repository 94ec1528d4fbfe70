"""On an update moto deletes what left the template even when its DeletionPolicy is Retain.

SAM's layers have that policy: functions deployed before would lose their layer.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Keeps retained resources."""
    from moto.cloudformation.parsing import ResourceMap

    delete = ResourceMap._delete_resource  # noqa: SLF001 - the one place where moto deletes

    def delete_resource(self: Any, parsed_resource: Any, resource_json: dict[str, Any]) -> None:
        if resource_json.get("DeletionPolicy") not in ("Retain", "RetainExceptOnCreate"):
            delete(self, parsed_resource, resource_json)

    ResourceMap._delete_resource = delete_resource  # type: ignore[method-assign]  # noqa: SLF001
