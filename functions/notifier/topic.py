"""Publishes alerts to SNS."""

from __future__ import annotations

from typing import Any

from control_plane.aws_errors import plainly
from control_plane.operations.ports import Alert


class AlertsTopic:
    """The alerts topic. Every message carries `alert_id`, so that a repeat can be told from news.

    Args:
        sns: An SNS client.
        topic_arn: Where to.
    """

    def __init__(self, sns: Any, topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    def publish(self, alert: Alert) -> None:
        """Sends it.

        Raises:
            PlatformError: The topic refused or did not answer.
        """
        attributes = {**alert.attributes, "alert_id": alert.alert_id}
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}
        with plainly(f"publishing the alert {alert.alert_id}"):
            self._sns.publish(
                TopicArn=self._topic_arn, Subject=alert.subject, Message=alert.body, MessageAttributes=typed
            )
