"""moto's CloudFormation drops a table's TimeToLiveSpecification and PointInTimeRecoverySpecification."""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Sets both after moto made the table."""
    from moto.dynamodb.models.table import Table

    create = Table.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def created(cls: Any, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        table = create(cls, resource_name, cloudformation_json, *args, **kwargs)
        properties = cloudformation_json["Properties"]
        ttl = properties.get("TimeToLiveSpecification")
        if ttl and str(ttl.get("Enabled")).lower() == "true":
            table.ttl = {"TimeToLiveStatus": "ENABLED", "AttributeName": ttl["AttributeName"]}
        recovery = properties.get("PointInTimeRecoverySpecification")
        if recovery and str(recovery.get("PointInTimeRecoveryEnabled")).lower() == "true":
            table.continuous_backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] = "ENABLED"
        return table

    Table.create_from_cloudformation_json = classmethod(created)  # type: ignore[assignment,method-assign]
