"""Queues and topics. Sources: Service Authorization Reference, "Amazon SQS" and "Amazon SNS"."""

from __future__ import annotations

from urllib.parse import urlsplit

from infra.local.iam.reading import Ambiguous, Call
from infra.local.iam.services.need import Facts, Need, of_arn_or_name

_BATCHES = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "PublishBatch": "Publish",
}


async def of_queue(call: Call, facts: Facts) -> list[Need]:
    """The permissions that a request to SQS needs."""
    del facts
    action = f"sqs:{_BATCHES.get(call.operation, call.operation)}"
    if call.operation == "ListQueues":
        return [Need(action)]
    if "QueueUrl" in call.fields:
        pieces = urlsplit(call.text("QueueUrl")).path.strip("/").split("/")
        if len(pieces) != 2 or pieces[0] != call.account:
            raise Ambiguous(f"QueueUrl {call.text('QueueUrl')!r} is not .../{call.account}/NAME")
        return [Need(action, call.arn(pieces[1]))]
    if "QueueName" in call.fields:
        return [Need(action, call.arn(call.text("QueueName")))]
    if "SourceArn" in call.fields:
        return [Need(action, of_arn_or_name(call, call.text("SourceArn"), ""))]
    return [Need(action, known=False)]


async def of_topic(call: Call, facts: Facts) -> list[Need]:
    """The permissions that a request to SNS needs."""
    del facts
    action = f"sns:{_BATCHES.get(call.operation, call.operation)}"
    named = [name for name in ("TopicArn", "TargetArn", "PhoneNumber", "ResourceArn") if name in call.fields]
    if len(named) > 1:
        raise Ambiguous(f"{' and '.join(named)} in one request")
    if named and named[0] != "PhoneNumber":
        return [Need(action, of_arn_or_name(call, call.text(named[0]), ""))]
    if "SubscriptionArn" in call.fields:
        topic = of_arn_or_name(call, call.text("SubscriptionArn"), "").rpartition(":")[0]
        return [Need(action, topic)]
    if call.operation == "CreateTopic":
        return [Need(action, call.arn(call.text("Name")))]
    if call.operation.startswith("List"):
        return [Need(action)]
    return [Need(action, known=False)]
