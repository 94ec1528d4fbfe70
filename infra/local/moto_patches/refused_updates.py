"""An UpdateItem that moto refuses half way, as for its size, leaves what it had done: attributes, a new item."""

from __future__ import annotations

from typing import Any

from infra.local.undo import all_or_nothing


def apply() -> None:
    """Takes it back."""
    from moto.dynamodb.models import DynamoDBBackend

    update = DynamoDBBackend.update_item

    def update_item(self: Any, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        with all_or_nothing(self, [{"TableName": self.get_table(table_name).name, "Key": key}]):
            return update(self, table_name, key, *args, **kwargs)

    DynamoDBBackend.update_item = update_item  # type: ignore[method-assign]
