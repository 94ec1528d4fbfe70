"""moto reads 25 items in a transaction where DynamoDB reads 100, and knows no limit of 4 MB.

It reads one item twice, and cancels a transaction whose table or key is missing instead of refusing it.
"""

from __future__ import annotations

from typing import Any

from infra.local.item_sizes import item_size_bytes

READS_MAX = 100
SIZE_MAX_BYTES = 4 * 1024 * 1024


def apply() -> None:
    """Refuses what DynamoDB refuses, before anything is done."""
    from moto.dynamodb import responses
    from moto.dynamodb.exceptions import MockValidationException, MultipleTransactionsException

    handler: Any = responses.DynamoHandler
    get, write = handler.transact_get_items, handler.transact_write_items

    def transact_get_items(self: Any) -> Any:
        operations = [entry["Get"] for entry in self.body["TransactItems"]]
        places = {(each["TableName"], str(sorted(each["Key"].items()))) for each in operations}
        if len(operations) <= READS_MAX:
            if len(places) < len(operations):
                raise MultipleTransactionsException
            check_size(self.dynamodb_backend, operations)
        return get(self)

    def transact_write_items(self: Any) -> Any:
        operations = [operation for entry in self.body["TransactItems"] for operation in entry.values()]
        for operation in operations:
            table = self.dynamodb_backend.get_table(operation["TableName"])
            missing = [name for name in table.table_key_attrs if name not in operation.get("Item", {name: None})]
            if missing:
                raise MockValidationException(
                    f"One or more parameter values were invalid: Missing the key {missing[0]} in the item"
                )
        check_size(self.dynamodb_backend, operations)
        return write(self)

    def check_size(backend: Any, operations: list[dict[str, Any]]) -> None:
        size_bytes = 0
        for operation in operations:
            if "Item" in operation:
                size_bytes += item_size_bytes(operation["Item"])
            elif (item := backend.get_item(operation["TableName"], operation["Key"])) is not None:
                size_bytes += item_size_bytes(item.attrs)
                size_bytes += item_size_bytes(operation.get("ExpressionAttributeValues", {}))
        if size_bytes > SIZE_MAX_BYTES:
            raise MockValidationException(
                f"The aggregate size of the items in the transaction, {size_bytes} bytes, "
                f"exceeds the limit of {SIZE_MAX_BYTES} bytes"
            )

    responses.TRANSACTION_MAX_ITEMS = READS_MAX
    handler.transact_get_items = transact_get_items
    handler.transact_write_items = transact_write_items
