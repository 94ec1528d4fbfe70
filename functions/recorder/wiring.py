"""Binds the recorder to AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from control_plane.aws_clients import client, setting
from control_plane.operations.clock import Clock
from control_plane.operations.record import Fold
from control_plane.table.activity import ActivityTable
from control_plane.table.dynamo import Table
from control_plane.table.errors import Errors


def build(environ: Mapping[str, str]) -> Callable[[], Fold]:
    """Makes a fold for each batch.

    Raises:
        PlatformError: A variable is not set.
    """
    clock = Clock()
    dynamodb = client("dynamodb", read_timeout_s=5, attempts=3)
    table = Table(dynamodb, setting(environ, "SERVICES_AI_TABLE"), now_s=clock.now_s, sleep=clock.sleep)
    errors, activity = Errors(table), ActivityTable(table)
    return lambda: Fold(errors, activity)
