"""moto writes batches of any length, and one item twice in a batch; an invalid item stops it half way.

DynamoDB refuses such a batch before it writes anything.
"""

from __future__ import annotations

from typing import Any

from infra.local.undo import all_or_nothing

WRITES_MAX = 25


def apply() -> None:
    """Refuses the whole batch."""
    from moto.dynamodb.exceptions import MockValidationException
    from moto.dynamodb.responses import DynamoHandler

    handler: Any = DynamoHandler
    write = handler.batch_write_item

    def batch_write_item(self: Any) -> Any:
        operations = [
            {"TableName": self.dynamodb_backend.get_table(name).name, **operation}
            for name, requests in self.body["RequestItems"].items()
            for request in requests
            for operation in request.values()
        ]
        if len(operations) > WRITES_MAX:
            raise MockValidationException("Too many items requested for the BatchWriteItem call")
        places = set()
        for operation in operations:
            names = self.dynamodb_backend.get_table(operation["TableName"]).table_key_attrs
            values = operation.get("Key") or operation.get("Item") or {}
            places.add((operation["TableName"], *(str(values.get(name)) for name in names)))
        if len(places) < len(operations):
            raise MockValidationException("Provided list of item keys contains duplicates")
        with all_or_nothing(self.dynamodb_backend, operations):
            return write(self)

    handler.batch_write_item = batch_write_item
