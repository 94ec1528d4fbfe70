"""A queue subscribed to the alerts topic, as an admin's own tooling would have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

QUEUE_NAME = "services-ai-demo-alerts"


class AlertQueue:
    """Receives what the topic publishes.

    Args:
        sns: A boto3 SNS client.
        sqs: A boto3 SQS client.
        clock: Monotonic seconds.
    """

    def __init__(self, sns: Any, sqs: Any, clock: Callable[[], float]) -> None:
        self._sns = sns
        self._sqs = sqs
        self._clock = clock
        self._url = ""

    def subscribe(self, topic_arn: str) -> None:
        """Makes the queue and subscribes it."""
        self._url = self._sqs.create_queue(QueueName=QUEUE_NAME)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]
        self._sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=attributes["QueueArn"])

    def receive(self, timeout_s: float, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Everything that arrives until a wanted alert is among it, or the time is over.

        Returns:
            `[{"subject", "body", "attributes": {…}, "message_id"}, …]`, oldest first.
        """
        alerts: list[dict[str, Any]] = []
        deadline = self._clock() + timeout_s
        while not any(map(wanted, alerts)):
            left_s = deadline - self._clock()
            if left_s <= 0:
                break
            answer = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=max(1, min(5, round(left_s)))
            )
            for message in answer.get("Messages", []):
                alerts.append(_alert(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return alerts


def _alert(body: str) -> dict[str, Any]:
    outer = json.loads(body)
    attributes = outer.get("MessageAttributes") or {}
    return {
        "subject": outer.get("Subject", ""),
        "body": outer.get("Message", ""),
        "attributes": {name: item.get("Value", "") for name, item in attributes.items()},
        "message_id": outer.get("MessageId", ""),
    }
