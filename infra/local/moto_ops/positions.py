"""How far the pollers of tables' streams have got: kept with the mapping, so that it outlives the engine.

A poller reads after the last record that was accepted or given up: what it asks is where it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.moto_ops import queues, streams


def read(changed: Callable[[], None], request: dict[str, Any]) -> dict[str, Any]:
    """`streams.read` for a mapping (its UUID); `changed` is called where its poller has got further."""
    found = streams.read(request)
    after = request.get("after")
    for mapping in _mappings() if after else ():
        if mapping.uuid == request.get("mapping") and mapping.__dict__.get("position") != after:
            mapping.position = after
            changed()
    return found


def list_mappings(request: dict[str, Any]) -> list[dict[str, Any]]:
    """`queues.list_mappings`, each with `Position`: how far its poller has got; empty where it never did."""
    positions = {mapping.uuid: mapping.__dict__.get("position") or "" for mapping in _mappings()}
    return [{**one, "Position": positions[one["UUID"]]} for one in queues.list_mappings(request)]


def resume() -> None:
    """After a restart: what was with a poller can be received again.

    The pollers have ended with the engine. Other receivers may have outlived it, and keep what they received.
    """
    from moto.sqs.models import sqs_backends

    for mapping in _mappings():
        parts = mapping.event_source_arn.split(":")
        queue = sqs_backends[parts[4]][parts[3]].queues.get(parts[5]) if parts[2] == "sqs" else None
        for message in queue._messages if queue is not None else ():  # noqa: SLF001 - moto lists visible ones only
            message.visible_at = 0.0


def _mappings() -> list[Any]:
    from moto.awslambda.models import lambda_backends

    return [
        mapping
        for account in lambda_backends.values()
        for backend in account.values()
        for mapping in backend._event_source_mappings.values()  # noqa: SLF001 - moto has no other way to list them all
    ]
