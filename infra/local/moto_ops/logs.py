"""Writing what functions printed into CloudWatch Logs."""

from __future__ import annotations

from typing import Any

from infra.local.moto_ops.functions import ACCOUNT_ID, REGION


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
    return {}
