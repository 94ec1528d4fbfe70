"""Writing what functions printed into CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from infra.local.moto_ops.functions import ACCOUNT_ID, REGION

GROUP_EVENTS_MAX = 20_000
"""Of one log group: each costs every snapshot 3 µs, and a group that nobody empties only grows."""
_SLACK = 1.1
"""Old ones are dropped in tenths: dropping looks at every event."""


def put(request: dict[str, Any]) -> dict[str, Any]:
    """`{batches: [{group, stream, region, account_id, events: [{timestamp, message}]}]}`; makes what is missing.

    Lambda makes the group and the stream itself when a function first writes.
    """
    from moto.logs.models import logs_backends

    for batch in request["batches"]:
        backend = logs_backends[batch.get("account_id", ACCOUNT_ID)][batch.get("region", REGION)]
        backend.ensure_log_group(batch["group"])
        backend.ensure_log_stream(batch["group"], batch["stream"])
        events = sorted(batch["events"], key=lambda event: int(event["timestamp"]))
        backend.put_log_events(batch["group"], batch["stream"], events)
        keep_latest(backend.groups[batch["group"]].streams.values(), GROUP_EVENTS_MAX)
    return {}


def keep_latest(streams: Iterable[Any], events_max: int) -> None:
    """Drops the oldest events of a group that has clearly more than so many; streams stay, empty if need be."""
    kept = list(streams)
    if sum(len(stream.events) for stream in kept) <= events_max * _SLACK:
        return
    times = sorted(event.timestamp for stream in kept for event in stream.events)
    since = times[-events_max]
    for stream in kept:
        stream.events = [event for event in stream.events if event.timestamp >= since]
        stream.stored_bytes = sum(len(event.message) for event in stream.events)
