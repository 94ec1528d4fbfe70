"""Capacity units by the rules of DynamoDB's Developer Guide ("Read and write operations", "Secondary indexes")."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from infra.local.item_sizes import item_size_bytes

READ_BYTES = 4096
WRITE_BYTES = 1024
TRANSACTIONAL = 2.0
CONSISTENT = 1.0
EVENTUAL = 0.5
Units = defaultdict[str, float]
"""By index, and of the table under the empty name."""


def read_units(size_bytes: int, factor: float) -> float:
    """For what is read at once; nothing found costs as much as the smallest item."""
    return _blocks(size_bytes, READ_BYTES) * factor


def write_units(before_bytes: int, after_bytes: int) -> float:
    """For one item of a table: the larger of what was there and what is."""
    return float(_blocks(max(before_bytes, after_bytes), WRITE_BYTES))


def _blocks(size_bytes: int, block_bytes: int) -> int:
    return max(1, -(-size_bytes // block_bytes))


@dataclass(slots=True)
class Footprint:
    """What an item is in its table and in each index that has it.

    Attributes:
        size_bytes: In the table.
        entries: By index: its key there, its size there, and its content there.
    """

    size_bytes: int = 0
    entries: dict[str, tuple[str, int, str]] = field(default_factory=dict)


def footprint(table: Any, item: Any) -> Footprint:
    """Of an item as it is now; `item` may be None."""
    if item is None:
        return Footprint()
    found = Footprint(item_size_bytes(item.attrs))
    for index in table.all_indexes():
        if all(name in item.attrs for name in index.schema_key_attrs):
            entry = index.project(item)
            key = str([item.attrs[name] for name in index.schema_key_attrs])
            found.entries[index.name] = (key, item_size_bytes(entry.attrs), str(entry.to_json()))
    return found


def written(before: Footprint, after: Footprint) -> Units:
    """Units of one write."""
    units: Units = defaultdict(float, {"": write_units(before.size_bytes, after.size_bytes)})
    for name in before.entries.keys() | after.entries.keys():
        old, new = before.entries.get(name), after.entries.get(name)
        if old is None or new is None:
            units[name] += write_units(0, (old or new or ("", 0, ""))[1])
        elif old[0] != new[0]:
            # Deleted there, and put there again.
            units[name] += write_units(0, old[1]) + write_units(0, new[1])
        elif old[2] != new[2]:
            units[name] += write_units(old[1], new[1])
    return units


def report(table: Any, units: Units, detail: str, transactional: str = "") -> dict[str, Any]:
    """One ConsumedCapacity.

    Args:
        table: moto's.
        units: As `written` has them.
        detail: `TOTAL` or `INDEXES`.
        transactional: `Read` or `Write` for a transaction, which says it twice.
    """

    def said(number: float) -> dict[str, float]:
        return {"CapacityUnits": number} | ({f"{transactional}CapacityUnits": number} if transactional else {})

    found: dict[str, Any] = {"TableName": table.name, **said(sum(units.values()))}
    if detail == "INDEXES":
        found["Table"] = said(units[""])
        for kind, indexes in (("Global", table.global_indexes), ("Local", table.indexes)):
            of_indexes = {each.name: said(units[each.name]) for each in indexes or () if units[each.name]}
            if of_indexes:
                found[f"{kind}SecondaryIndexes"] = of_indexes
    return found
