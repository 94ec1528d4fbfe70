"""moto lets a time to live be enabled twice, shows its attribute when it is disabled, and misnames its errors."""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Answers as DynamoDB does. Items are removed by `infra.local.expiry`."""
    from moto.dynamodb.exceptions import MockValidationException
    from moto.dynamodb.models import DynamoDBBackend

    model: Any = DynamoDBBackend

    def update_time_to_live(self: Any, table_name: str, ttl_spec: dict[str, Any]) -> None:
        table = self.get_table(table_name)
        enabled = table.ttl["TimeToLiveStatus"] == "ENABLED"
        name = ttl_spec["AttributeName"]
        if enabled and name != table.ttl["AttributeName"]:
            raise MockValidationException(
                "TimeToLive is active on a different AttributeName: "
                f"current AttributeName is {table.ttl['AttributeName']}"
            )
        if enabled == ttl_spec["Enabled"]:
            raise MockValidationException(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        if enabled:
            table.ttl = {"TimeToLiveStatus": "DISABLED"}
        else:
            table.ttl = {"TimeToLiveStatus": "ENABLED", "AttributeName": name}

    def describe_time_to_live(self: Any, table_name: str) -> Any:
        return self.get_table(table_name).ttl

    model.update_time_to_live = update_time_to_live
    model.describe_time_to_live = describe_time_to_live
