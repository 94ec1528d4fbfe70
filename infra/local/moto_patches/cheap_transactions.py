"""Before every transaction moto deep-copies the tables with every item and every stream record ever made.

That is a tenth of a second at a few thousand items, while everything else waits. And a rollback puts another table
in place of the one that CloudFormation and stream readers know. Here the touched items are kept, and put back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

Undo = Callable[[], None]


def apply() -> None:
    """Wraps the transaction in an undo log; a table copies itself for nobody but a backup."""
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import Table

    transact = DynamoDBBackend.transact_write_items
    model: Any = Table

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        undo_log, tables = _undo_log(self, transact_items)
        for table in tables:
            table.in_transaction = True
        try:
            transact(self, transact_items)
        except BaseException:
            for undo in reversed(undo_log):
                undo()
            raise
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


def _undo_log(backend: Any, transact_items: list[dict[str, Any]]) -> tuple[list[Undo], list[Any]]:
    """How to take back what these operations may do. One that names no item does nothing: moto refuses it."""
    from moto.dynamodb.exceptions import MockValidationException

    undo_log: list[Undo] = []
    tables: dict[str, Any] = {}
    for entry in transact_items:
        operation: dict[str, Any] = next(iter(entry.values()), {})
        table = backend.tables.get(operation.get("TableName"))
        if table is None:
            continue
        if table.name not in tables:
            tables[table.name] = table
            undo_log.append(_restore_stream(table))
        try:
            keys = backend.get_keys_value(table, operation.get("Key") or operation.get("Item") or {})
        except MockValidationException:
            continue
        undo_log.append(_restore_item(table, *keys))
    return undo_log, list(tables.values())


def _restore_item(table: Any, hash_key: Any, range_key: Any) -> Undo:
    before = copy.deepcopy(table.get_item(hash_key, range_key))

    def undo() -> None:
        place, key = (table.items, hash_key) if range_key is None else (table.items[hash_key], range_key)
        if before is None:
            place.pop(key, None)
        else:
            place[key] = before

    return undo


def _restore_stream(table: Any) -> Undo:
    shard = table.stream_shard
    mark = shard.starting_sequence_number + len(shard.items) if shard is not None else 0

    def undo() -> None:
        if shard is not None:
            del shard.items[max(0, mark - shard.starting_sequence_number) :]

    return undo
