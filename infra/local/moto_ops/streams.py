"""A table's stream as Lambda's pollers see it: records after a sequence number, in order."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from infra.local.moto_ops import OperationFailed

PAYLOAD_MAX_BYTES = 5 * 1024 * 1024


def read(request: dict[str, Any]) -> dict[str, Any]:
    """`{stream_arn, after, limit}` → `{records, shard_id}`; `after` empty means the oldest kept.

    Reads the table's shard itself: a rolled-back transaction replaces it, and iterators would follow the old one.

    Raises:
        OperationFailed: The stream is gone.
    """
    arn = str(request["stream_arn"])
    shard = _shard(arn)
    after = int(request["after"]) if request.get("after") else 0
    records: list[dict[str, Any]] = []
    size_bytes = 0
    # Sequence numbers are consecutive: the first wanted record's place is known.
    start = max(0, after + 1 - shard.starting_sequence_number)
    for item in shard.items[start : start + int(request["limit"])]:
        source = item.to_json()
        size_bytes += int(source["dynamodb"]["SizeBytes"])
        if records and size_bytes > PAYLOAD_MAX_BYTES:
            break
        records.append(_record(source, arn))
    return {"records": records, "shard_id": shard.id}


def head(arn: str) -> str:
    """The sequence number of the newest record: where `LATEST` starts."""
    shard = _shard(arn)
    return str(shard.starting_sequence_number + len(shard.items) - 1)


def _shard(arn: str) -> Any:
    from moto.dynamodb.models import dynamodb_backends

    parts = arn.split(":", 5)
    name = parts[5].split("/")[1]
    table = dynamodb_backends[parts[4]][parts[3]].tables.get(name)
    if table is None or table.stream_shard is None or not arn.endswith(f"/{table.latest_stream_label}"):
        raise OperationFailed(404, "ResourceNotFoundException", f"{arn} does not exist")
    return table.stream_shard


def _record(source: dict[str, Any], arn: str) -> dict[str, Any]:
    data = dict(source["dynamodb"])
    created = data.get("ApproximateCreationDateTime")
    if isinstance(created, datetime):
        # moto's times are naive and mean UTC. Whole seconds, as Lambda delivers them.
        data["ApproximateCreationDateTime"] = int((created - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001
    for image in ("Keys", "NewImage", "OldImage"):
        if image in data:
            data[image] = _jsonable(data[image])
    identity = source.get("userIdentity")
    return {
        "eventID": source["eventID"],
        "eventName": source["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": arn.split(":")[3],
        "dynamodb": data,
        "eventSourceARN": arn,
        # As Lambda spells it; the stream's own API has capitals.
        **(
            {"userIdentity": {name[0].lower() + name[1:]: value for name, value in identity.items()}}
            if identity
            else {}
        ),
    }


def _jsonable(value: Any) -> Any:
    """Binary values travel as base64 text."""
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_jsonable(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
