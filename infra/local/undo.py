"""Taking back what a request did to moto's tables before it was refused: items and stream records."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Undo = Callable[[], None]


@contextmanager
def all_or_nothing(backend: Any, operations: Iterable[dict[str, Any]]) -> Iterator[list[Any]]:
    """What happens to the items of these operations happens wholly, or, where anything is raised, not at all.

    Args:
        backend: moto's, of DynamoDB.
        operations: Each with `TableName`, and `Key` or `Item`. moto refuses one that names no item.

    Yields:
        The tables.
    """
    undo_log, tables = _undo_log(backend, operations)
    try:
        yield tables
    except BaseException:
        for undo in reversed(undo_log):
            undo()
        raise


def _undo_log(backend: Any, operations: Iterable[dict[str, Any]]) -> tuple[list[Undo], list[Any]]:
    from moto.dynamodb.exceptions import MockValidationException

    undo_log: list[Undo] = []
    tables: dict[str, Any] = {}
    for operation in operations:
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
