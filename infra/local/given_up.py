"""What a stream's OnFailure destination gets: where the records lie, not the records themselves.

Source: AWS Lambda Developer Guide, "Retain discarded batch records" (DynamoDB Streams).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
TOO_OLD = "RecordAgeExceeded"


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """The last answer that the function gave to a batch.

    Attributes:
        request_id: Of that call; empty where it was never called.
        executed_version: Of the function.
        function_error: `Unhandled`; None where the function reported records as failed.
    """

    request_id: str = ""
    executed_version: str = "$LATEST"
    function_error: str | None = None


def message(
    records: list[dict[str, Any]],
    *,
    function_arn: str,
    stream_arn: str,
    shard_id: str,
    condition: str,
    attempts: int,
    answer: LastAnswer,
    now_s: float,
) -> dict[str, Any]:
    """The message for records that are given up together."""
    first, last = records[0]["dynamodb"], records[-1]["dynamodb"]
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": answer.executed_version}
    if answer.function_error is not None:
        response["functionError"] = answer.function_error
    return {
        "requestContext": {
            "requestId": answer.request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        **({"responseContext": response} if answer.request_id else {}),
        "version": "1.0",
        "timestamp": _iso(now_s, "milliseconds"),
        "DDBStreamBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": first["SequenceNumber"],
            "endSequenceNumber": last["SequenceNumber"],
            "approximateArrivalOfFirstRecord": _iso(created_s(records[0]), "seconds"),
            "approximateArrivalOfLastRecord": _iso(created_s(records[-1]), "seconds"),
            "batchSize": len(records),
            "streamArn": stream_arn,
        },
    }


def created_s(record: dict[str, Any]) -> float:
    """When a record was made, in Unix seconds."""
    return float(record["dynamodb"].get("ApproximateCreationDateTime", 0))


def _iso(at_s: float, precision: str) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
