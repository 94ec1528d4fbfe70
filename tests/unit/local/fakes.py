"""Fakes of the ports of infra.local: a queue, a stream and an engine in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from services_ai_sdk.emulator.errors import InvokeRefused


@dataclass
class FakeAnswer:
    function_error: str | None = None
    payload: bytes = b"null"
    request_id: str = "request"
    executed_version: str = "7"


@dataclass
class FakeEngine:
    """Answers each batch with what `answer` says of it."""

    answer: Callable[[list[dict[str, Any]]], Any]
    batches: list[list[dict[str, Any]]] = field(default_factory=list)

    async def invoke(self, function: str, qualifier: str | None, payload: bytes) -> FakeAnswer:
        records = json.loads(payload)["Records"]
        self.batches.append(records)
        answer = self.answer(records)
        if isinstance(answer, InvokeRefused):
            raise answer
        if isinstance(answer, FakeAnswer):
            return answer
        return FakeAnswer(payload=json.dumps(answer).encode())


@dataclass
class FakeMoto:
    """One queue and one stream."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    stream: list[dict[str, Any]] = field(default_factory=list)
    settled: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def call(self, operation: str, **request: Any) -> Any:
        if operation == "queue/receive":
            taken, self.messages = self.messages[: request["max"]], self.messages[request["max"] :]
            return {"records": taken, "next_visible_ms": 0, "more": bool(self.messages)}
        if operation == "queue/settle":
            self.settled.append(request)
            return {}
        if operation in ("queue/send", "topic/publish"):
            self.sent.append(request)
            return {}
        if operation == "stream/read":
            after = int(request["after"] or 0)
            found = [record for record in self.stream if int(record["dynamodb"]["SequenceNumber"]) > after]
            return {"records": found[: request["limit"]], "shard_id": "shard"}
        raise AssertionError(operation)


def message(name: str, receives: int = 1) -> dict[str, Any]:
    return {
        "messageId": name,
        "receiptHandle": f"receipt-{name}",
        "body": name,
        "attributes": {"ApproximateReceiveCount": str(receives)},
    }


def record(number: int) -> dict[str, Any]:
    dynamodb = {"SequenceNumber": str(number), "ApproximateCreationDateTime": 1000 + number}
    return {"eventID": str(number), "dynamodb": dynamodb}
