"""How far the pollers of tables' streams have got: kept with the mapping, so that it outlives the engine.

A poller reads after the last record that was accepted or given up: what it asks is where it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.moto_ops import queues, streams


def read(changed: Callable[[], None], request: dict[str, Any]) -> dict[str, Any]:
    """`streams.read`; `changed` is called where the poller has got further."""
    found = streams.read(request)
    mappings = _mappings_of(str(request["stream_arn"]))
    # Of several pollers nobody can tell which one asks: they begin again where their mappings did.
    if request.get("after") and len(mappings) == 1 and mappings[0].__dict__.get("position") != request["after"]:
        mappings[0].position = request["after"]
        changed()
    return found


def list_mappings(request: dict[str, Any]) -> list[dict[str, Any]]:
    """`queues.list_mappings`; one whose poller had got somewhere before the restart goes on there."""
    resumed = {mapping.uuid: mapping.__dict__.get("resume_after") for mapping in _mappings()}
    return [
        {**one, "StartingPosition": "LATEST", "StreamHead": resumed[one["UUID"]]} if resumed[one["UUID"]] else one
        for one in queues.list_mappings(request)
    ]


def resume() -> None:
    """After a restart: positions count from now on, and what was with a poller can be received again.

    The pollers have ended with the engine. Other receivers may have outlived it, and keep what they received.
    """
    from moto.sqs.models import sqs_backends

    for mapping in _mappings():
        mapping.resume_after = mapping.__dict__.get("position")
        parts = mapping.event_source_arn.split(":")
        queue = sqs_backends[parts[4]][parts[3]].queues.get(parts[5]) if parts[2] == "sqs" else None
        for message in queue._messages if queue is not None else ():  # noqa: SLF001 - moto lists visible ones only
            message.visible_at = 0.0


def _mappings_of(stream_arn: str) -> list[Any]:
    return [mapping for mapping in _mappings() if mapping.event_source_arn == stream_arn]


def _mappings() -> list[Any]:
    from moto.awslambda.models import lambda_backends

    return [
        mapping
        for account in lambda_backends.values()
        for backend in account.values()
        for mapping in backend._event_source_mappings.values()  # noqa: SLF001 - moto has no other way to list them all
    ]
