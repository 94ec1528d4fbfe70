"""moto takes keys in Get, Update and Delete that DynamoDB refuses: empty, too long, of another type."""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Refuses them in DynamoDB's words."""
    from moto.dynamodb.exceptions import HashKeyTooLong, MockValidationException, RangeKeyTooLong
    from moto.dynamodb.limits import HASH_KEY_MAX_LENGTH, RANGE_KEY_MAX_LENGTH
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.dynamo_type import DynamoType

    model: Any = DynamoDBBackend
    update = model.update_item

    def value(keys: dict[str, Any], name: str, kind: str, max_bytes: int, too_long: type[Exception]) -> Any:
        if name not in keys or next(iter(keys[name])) != kind:
            raise MockValidationException("The provided key element does not match the schema")
        found = DynamoType(keys[name])
        if kind != "N" and not found.value:
            raise MockValidationException(
                "One or more parameter values are not valid. "
                f"The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
            )
        if found.size() > max_bytes:
            raise too_long
        return found

    def get_keys_value(self: Any, table: Any, keys: dict[str, Any]) -> tuple[Any, Any]:
        del self
        hash_key = value(keys, table.hash_key_attr, table.hash_key_type, HASH_KEY_MAX_LENGTH, HashKeyTooLong)
        if not table.has_range_key:
            return hash_key, None
        return hash_key, value(
            keys, table.range_key_attr, table.range_key_type, RANGE_KEY_MAX_LENGTH, RangeKeyTooLong
        )

    def update_item(self: Any, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        self.get_keys_value(self.get_table(table_name), key)
        return update(self, table_name, key, *args, **kwargs)

    model.get_keys_value = get_keys_value
    model.update_item = update_item
