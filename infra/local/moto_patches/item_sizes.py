"""moto ends items at 405,000 bytes by its own count, where DynamoDB has 409,600 by its own."""

from __future__ import annotations

from typing import Any

from infra.local.item_sizes import ITEM_MAX_BYTES, item_size_bytes


def apply() -> None:
    """Counts as DynamoDB does, once for each write instead of at each attribute."""
    from moto.dynamodb.exceptions import ItemSizeTooLarge, ItemSizeToUpdateTooLarge
    from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict
    from moto.dynamodb.models.table import Table
    from moto.dynamodb.parsing.executors import UpdateExpressionExecutor

    models: Any = Item
    put: Any = Table.put_item
    execute, update = UpdateExpressionExecutor.execute, models.update_with_attribute_updates

    def put_item(self: Any, item_attrs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if item_size_bytes(item_attrs) > ITEM_MAX_BYTES:
            raise ItemSizeTooLarge
        return put(self, item_attrs, *args, **kwargs)

    def executed(self: Any, *args: Any, **kwargs: Any) -> None:
        execute(self, *args, **kwargs)
        if item_size_bytes(self.item.attrs) > ITEM_MAX_BYTES:
            raise ItemSizeTooLarge

    def updated(self: Any, attribute_updates: dict[str, Any]) -> None:
        update(self, attribute_updates)
        if item_size_bytes(self.attrs) > ITEM_MAX_BYTES:
            raise ItemSizeToUpdateTooLarge

    LimitedSizeDict.__setitem__ = dict.__setitem__  # type: ignore[method-assign]
    Table.put_item = put_item  # type: ignore[method-assign]
    UpdateExpressionExecutor.execute = executed  # type: ignore[method-assign]
    models.update_with_attribute_updates = updated
