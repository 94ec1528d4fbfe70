"""moto's table streams differ from DynamoDB's.

An UpdateItem that makes an item writes two INSERT records (the first with nothing but the key), a write that
changes nothing writes one, images share their sets with the living item, and nothing is ever trimmed.
"""

from __future__ import annotations

import copy
from typing import Any

KEPT_RECORDS = 20_000
"""The newest of each stream; AWS keeps 24 hours."""


def apply() -> None:
    """Replaces how a shard takes a record in, and drops the put inside an update."""
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import StreamRecord, StreamShard

    def add(self: Any, old: Any, new: Any) -> None:
        specification = self.table.stream_specification["StreamViewType"]
        if old is not None and new is not None and old.to_json() == new.to_json():
            return
        name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        sequence = self.starting_sequence_number + len(self.items)
        record = StreamRecord(self.table, specification, name, old, new, sequence)
        record.record = copy.deepcopy(record.record)
        self.items.append(record)
        surplus = len(self.items) - KEPT_RECORDS
        if surplus > KEPT_RECORDS // 10:
            del self.items[:surplus]
            self.starting_sequence_number += surplus

    update = DynamoDBBackend.update_item

    def update_item(self: Any, table_name: str, *args: Any, **kwargs: Any) -> Any:
        # The put that makes the item comes first, the record of the whole update last: keep the last only.
        shard = self.get_table(table_name).stream_shard
        if shard is None:
            return update(self, table_name, *args, **kwargs)
        mark = shard.starting_sequence_number + len(shard.items)
        item = update(self, table_name, *args, **kwargs)
        if shard.starting_sequence_number + len(shard.items) - mark == 2:
            last = shard.items.pop()
            last.record["dynamodb"]["SequenceNumber"] = shard.items[-1].record["dynamodb"]["SequenceNumber"]
            shard.items[-1] = last
        return item

    StreamShard.add = add  # type: ignore[method-assign]
    DynamoDBBackend.update_item = update_item  # type: ignore[method-assign]
