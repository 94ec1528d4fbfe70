"""moto's ConsumedCapacity is the same number whatever an item's size, and comes unasked from some operations."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from infra.local.capacity import (
    CONSISTENT,
    EVENTUAL,
    TRANSACTIONAL,
    Footprint,
    Units,
    footprint,
    read_units,
    report,
    written,
)
from infra.local.item_sizes import item_size_bytes

Operations = list[tuple[str, dict[str, Any]]]
"""Table's name, and a key or an item that contains it."""

_looked_at: list[int] = []
"""Sizes of what the query or scan that runs has read, before its filter."""


def apply() -> None:
    """Computes it where it is asked for; what is not asked for costs nothing."""
    from moto.dynamodb.models.table import Table
    from moto.dynamodb.responses import DynamoHandler

    handler: Any = DynamoHandler
    handler.get_item = _reading(handler.get_item, _single, lambda body, _: _factor(body))
    handler.batch_get_item = _reading(
        handler.batch_get_item, _batch_gets, lambda body, name: _factor(body["RequestItems"][name])
    )
    handler.transact_get_items = _reading(
        handler.transact_get_items, _transaction, lambda *_: TRANSACTIONAL, transactional="Read"
    )
    for name in ("put_item", "update_item", "delete_item"):
        setattr(handler, name, _writing(getattr(handler, name), _single))
    handler.batch_write_item = _writing(handler.batch_write_item, _batch_writes)
    handler.transact_write_items = _writing(handler.transact_write_items, _transaction, transactional="Write")
    for name in ("query", "scan"):
        setattr(handler, name, _searching(getattr(handler, name), name, Table))


def _reading(
    call: Any,
    operations_of: Callable[[dict[str, Any]], Operations],
    factor: Callable[[dict[str, Any], str], float],
    transactional: str = "",
) -> Any:
    def answered(self: Any) -> Any:
        answer = call(self)
        with _asked(self.body, answer) as (detail, give):
            if detail:
                units: dict[str, Units] = {}
                for name, key in operations_of(self.body):
                    item = self.dynamodb_backend.get_item(name, key)
                    size_bytes = item_size_bytes(item.attrs) if item else 0
                    units.setdefault(name, defaultdict(float))[""] += read_units(
                        size_bytes, factor(self.body, name)
                    )
                give(_reports(self, units, detail, transactional))
        return answer

    return answered


def _writing(call: Any, operations_of: Callable[[dict[str, Any]], Operations], transactional: str = "") -> Any:
    def answered(self: Any) -> Any:
        if not _detail(self.body):
            answer = call(self)
            with _asked(self.body, answer):
                return answer
        operations = operations_of(self.body)
        backend = self.dynamodb_backend
        tables = [backend.get_table(name) for name, _ in operations]

        def footprints() -> list[Footprint]:
            return [_footprint(backend, table, key) for table, (_, key) in zip(tables, operations, strict=True)]

        before = footprints()
        answer = call(self)
        after = footprints()
        replayed = getattr(answer, "replayed", False)
        with _asked(self.body, answer) as (detail, give):
            units: dict[str, Units] = {}
            for (name, _), old, new in zip(operations, before, after, strict=True):
                of_table = units.setdefault(name, defaultdict(float))
                if replayed:
                    of_table[""] += read_units(new.size_bytes, TRANSACTIONAL)
                    continue
                for place, number in written(old, new).items():
                    of_table[place] += number * (TRANSACTIONAL if transactional else 1.0)
            give(_reports(self, units, detail, "Read" if replayed else transactional))
        return answer

    return answered


def _footprint(backend: Any, table: Any, key: dict[str, Any]) -> Footprint:
    from moto.dynamodb.exceptions import MockValidationException

    try:
        return footprint(table, backend.get_item(table.name, key))
    except MockValidationException:
        return Footprint()  # the operation itself says what is wrong with it


def _searching(call: Any, name: str, table_class: Any) -> Any:
    search = getattr(table_class, name)
    signature = inspect.signature(search)

    def searched(self: Any, *args: Any, **kwargs: Any) -> Any:
        """As moto does it, in two steps: what is read, then filter and projection."""
        given = signature.bind(self, *args, **kwargs)
        chosen = given.arguments.pop("filter_expression", None)
        projection = "projection_expressions" if name == "query" else "projection_expression"
        shown = given.arguments.get(projection)
        given.arguments[projection] = None
        results, scanned_count, last_key = search(*given.args, **given.kwargs)
        _looked_at.extend(item_size_bytes(item.attrs) for item in results)
        if chosen is not None:
            results = [item for item in results if chosen.expr(item)]
        if shown:
            results = [item.project(shown) for item in results]
        return results, scanned_count, last_key

    def answered(self: Any) -> Any:
        if not _detail(self.body):
            answer = call(self)
            with _asked(self.body, answer):
                return answer
        _looked_at.clear()
        setattr(table_class, name, searched)
        try:
            answer = call(self)
        finally:
            setattr(table_class, name, search)
        with _asked(self.body, answer) as (detail, give):
            place = self.body.get("IndexName", "")
            units: Units = defaultdict(float, {place: read_units(sum(_looked_at), _factor(self.body))})
            give(_reports(self, {self.body["TableName"]: units}, detail, ""))
        return answer

    return answered


@contextmanager
def _asked(body: dict[str, Any], answer: Any) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Takes moto's own numbers out of an answer; `give` puts ours in."""
    result: dict[str, Any] = answer.result
    several = isinstance(result.get("ConsumedCapacity"), list) or "RequestItems" in body or "TransactItems" in body
    result.pop("ConsumedCapacity", None)
    result.pop("ConsumedCapacityUnits", None)

    def give(reports: list[dict[str, Any]]) -> None:
        result["ConsumedCapacity"] = reports if several else reports[0]

    yield _detail(body), give


def _reports(handler: Any, units: dict[str, Units], detail: str, transactional: str) -> list[dict[str, Any]]:
    backend = handler.dynamodb_backend
    return [report(backend.get_table(name), each, detail, transactional) for name, each in units.items()]


def _detail(body: dict[str, Any]) -> str:
    asked = body.get("ReturnConsumedCapacity", "NONE")
    return asked if asked in ("TOTAL", "INDEXES") else ""


def _factor(request: dict[str, Any]) -> float:
    return CONSISTENT if request.get("ConsistentRead") else EVENTUAL


def _single(body: dict[str, Any]) -> Operations:
    return [(body["TableName"], body.get("Key") or body["Item"])]


def _batch_gets(body: dict[str, Any]) -> Operations:
    return [(name, key) for name, request in body["RequestItems"].items() for key in request["Keys"]]


def _batch_writes(body: dict[str, Any]) -> Operations:
    return [
        (name, operation.get("Key") or operation.get("Item") or {})
        for name, requests in body["RequestItems"].items()
        for request in requests
        for operation in request.values()
    ]


def _transaction(body: dict[str, Any]) -> Operations:
    return [
        (operation["TableName"], operation.get("Key") or operation.get("Item") or {})
        for entry in body["TransactItems"]
        for operation in entry.values()
    ]
