"""Binds the notifier to AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from control_plane.aws_clients import client, setting
from control_plane.operations.notify import alert_for
from control_plane.operations.ports import Alert
from functions.notifier.topic import AlertsTopic


def build(environ: Mapping[str, str]) -> Callable[[Mapping[str, Any]], Alert | None]:
    """Takes the `dynamodb` part of one stream record; publishes and returns the alert it is worth, if any.

    Raises:
        PlatformError: A variable is not set.
    """
    topic = AlertsTopic(
        client("sns", read_timeout_s=5, attempts=3), setting(environ, "SERVICES_AI_ALERTS_TOPIC_ARN")
    )

    def notify(change: Mapping[str, Any]) -> Alert | None:
        alert = alert_for(change.get("OldImage"), change.get("NewImage"))
        if alert is not None:
            topic.publish(alert)
        return alert

    return notify
