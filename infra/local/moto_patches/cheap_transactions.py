"""Before every transaction moto deep-copies the tables with every item and every stream record ever made.

That is a tenth of a second at a few thousand items, while everything else waits. And a rollback puts another table
in place of the one that CloudFormation and stream readers know. Here the touched items are kept, and put back.
"""

from __future__ import annotations

import copy
from typing import Any

from infra.local.undo import all_or_nothing


def apply() -> None:
    """Wraps the transaction in an undo log; a table copies itself for nobody but a backup."""
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import Table

    transact = DynamoDBBackend.transact_write_items
    model: Any = Table

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        operations: list[dict[str, Any]] = [next(iter(entry.values()), {}) for entry in transact_items]
        with all_or_nothing(self, operations) as tables:
            for table in tables:
                table.in_transaction = True
            try:
                transact(self, transact_items)
            finally:
                for table in tables:
                    del table.in_transaction

    def deepcopy(self: Any, memo: dict[int, Any]) -> Any:
        if self.__dict__.get("in_transaction"):
            return self
        clone = object.__new__(type(self))
        memo[id(self)] = clone
        clone.__dict__.update({name: copy.deepcopy(value, memo) for name, value in self.__dict__.items()})
        return clone

    model.in_transaction = False
    model.__deepcopy__ = deepcopy
    DynamoDBBackend.transact_write_items = transact_write_items  # type: ignore[method-assign]
