"""Event source mappings, and an SQS queue as Lambda's pollers see it."""

from __future__ import annotations

import base64
from typing import Any

from infra.local.moto_ops import OperationFailed

PAYLOAD_MAX_BYTES = 5 * 1024 * 1024
"""A batch stays below Lambda's 6 MB, with room for the records' own fields."""


def list_mappings(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Every event source mapping, as Lambda's API describes it, with where its stream stood when it was made."""
    from moto.awslambda.models import lambda_backends

    del request
    return [
        {**mapping.get_configuration(), "StreamHead": getattr(mapping, "stream_head", "")}
        for account in lambda_backends.values()
        for backend in account.values()
        for mapping in backend._event_source_mappings.values()  # noqa: SLF001 - moto has no other way to list them all
    ]


def list_queues(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Every queue: messages that wait, are with a receiver, and are not due yet."""
    from moto.sqs.models import sqs_backends

    del request
    return [
        {"queue": queue.name, **_depth(queue)}
        for account in sqs_backends.values()
        for backend in account.values()
        for queue in backend.queues.values()
    ]


def _depth(queue: Any) -> dict[str, int]:
    depth = {"waiting": 0, "in_flight": 0, "delayed": 0}
    for message in queue._messages:  # noqa: SLF001 - moto lists visible ones only
        depth["delayed" if message.delayed else "waiting" if message.visible else "in_flight"] += 1
    return depth


def receive(request: dict[str, Any]) -> dict[str, Any]:
    """`{queue_arn, max, used_bytes}` → Lambda records, and when to look again.

    `used_bytes` is what the batch has already. `next_visible_ms` is when the next invisible or delayed message
    appears (Unix milliseconds; 0: none waits).
    """
    queue = _queue(request["queue_arn"])
    backend, name = _backend(request["queue_arn"]), queue.name
    records: list[dict[str, Any]] = []
    seen: set[str] = set()
    size_bytes, wanted = int(request.get("used_bytes", 0)), int(request["max"])
    largest_bytes = max((_size_bytes(message) for message in queue._messages), default=1)  # noqa: SLF001 - moto lists visible ones only
    while len(records) < wanted:
        # Ask for no more at a time than surely fits; and for all that may, as a FIFO group gives one batch only.
        room = (PAYLOAD_MAX_BYTES - size_bytes) // largest_bytes
        if room < 1:
            break
        count = min(wanted - len(records), room)
        messages = backend.receive_message(name, count, 0, queue.visibility_timeout, ["All"])
        fresh = [message for message in messages if message.id not in seen]
        # Nothing more, or (a visibility timeout of 0) the same again.
        if not fresh:
            break
        seen.update(message.id for message in fresh)
        for message in fresh:
            size_bytes += _size_bytes(message)
            records.append(_record(message, request["queue_arn"]))
    waiting = [max(m.visible_at, m.delayed_until) for m in queue._messages if not m.visible or m.delayed]  # noqa: SLF001
    more = any(message.visible and not message.delayed for message in queue._messages)  # noqa: SLF001
    return {"records": records, "next_visible_ms": min(waiting, default=0), "more": more}


def settle(request: dict[str, Any]) -> dict[str, Any]:
    """`{queue_arn, delete: [receipt], retry_s: {receipt: seconds}}` after a batch; unknown receipts pass."""
    from moto.sqs.exceptions import ReceiptHandleIsInvalid

    queue = _queue(request["queue_arn"])
    backend = _backend(request["queue_arn"])
    for receipt in request.get("delete", ()):
        try:
            queue.delete_message(receipt)
        except ReceiptHandleIsInvalid:
            pass  # purged or moved while the batch ran
    for receipt, seconds in request.get("retry_s", {}).items():
        try:
            backend.change_message_visibility(queue.name, receipt, int(seconds))
        except ReceiptHandleIsInvalid:
            pass  # purged or moved while the batch ran
    return {}


def send(request: dict[str, Any]) -> dict[str, Any]:
    """`{queue_arn, body, attributes: {name: [data type, value]}}`: a destination or a dead letter.

    Raises:
        OperationFailed: The queue is gone, or does not take it.
    """
    from moto.core.exceptions import ServiceException

    queue = _queue(request["queue_arn"])
    attributes = {
        name: {"DataType": kind, "StringValue": value}
        for name, (kind, value) in request.get("attributes", {}).items()
    }
    try:
        _backend(request["queue_arn"]).send_message(queue.name, str(request["body"]), attributes)
    except ServiceException as error:
        raise OperationFailed(400, type(error).__name__, str(error)) from error
    return {}


def wait_time(request: dict[str, Any]) -> dict[str, int]:
    """`{queue_url}` → the queue's own ReceiveMessageWaitTimeSeconds; 0 for a queue that is not there."""
    from moto.sqs.models import sqs_backends

    parts = str(request["queue_url"]).rstrip("/").rsplit("/", 2)
    name = parts[-1]
    for account in sqs_backends.values():
        for backend in account.values():
            if name in backend.queues:
                return {"wait_s": int(backend.queues[name].attributes["ReceiveMessageWaitTimeSeconds"])}
    return {"wait_s": 0}


def _backend(queue_arn: str) -> Any:
    from moto.sqs.models import sqs_backends

    parts = queue_arn.split(":")
    return sqs_backends[parts[4]][parts[3]]


def _queue(queue_arn: str) -> Any:
    name = queue_arn.rsplit(":", 1)[-1]
    queue = _backend(queue_arn).queues.get(name)
    if queue is None:
        raise OperationFailed(404, "QueueDoesNotExist", f"{queue_arn} does not exist")
    return queue


def _size_bytes(message: Any) -> int:
    body: str = message.body
    return max(1, len(body) if body.isascii() else len(body.encode("utf-8", "surrogatepass")))


def _record(message: Any, queue_arn: str) -> dict[str, Any]:
    """One record as the Lambda Developer Guide documents it ("Using Lambda with Amazon SQS")."""
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    optional = {
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
        "SequenceNumber": message.sequence_number,
    }
    attributes |= {name: str(value) for name, value in optional.items() if value is not None}
    record = {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if message.message_attributes:
        record["md5OfMessageAttributes"] = message.attribute_md5
    return record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    converted: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value.get("DataType")}
    if value.get("StringValue") is not None:
        converted["stringValue"] = value["StringValue"]
    if value.get("BinaryValue") is not None:
        binary = value["BinaryValue"]
        converted["binaryValue"] = base64.b64encode(binary).decode() if isinstance(binary, bytes) else binary
    return converted
