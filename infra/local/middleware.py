"""What happens to a request between the front and moto."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Any

from infra.local.bells import Bells
from infra.local.moto_app import KEY_HEADER
from infra.local.moto_client import Operations
from infra.local.requests import AwsCall, form, json_object, read_call
from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse

_READS = ("Get", "BatchGet", "Describe", "List", "Query", "Scan", "TransactGet", "Receive")
_CONTROL = frozenset({"lambda", "cloudformation", "iam"})
_FILLS_QUEUES = frozenset({"sqs", "sns", "s3", "events", "cloudformation"})
LOOK_AGAIN_S = 1.0
"""A long wait looks for messages that become visible without a request at least this often."""


class FrontKey:
    """Lets nothing but the front into moto: its port answers only who has the key.

    What is closed (moto's own API, our private operations) the moto process itself refuses to this key.

    Args:
        key: The moto process's secret for the front.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Forwards with the key, and never with one that the caller sent."""
        name = KEY_HEADER.encode()
        request.headers = [(key, value) for key, value in request.headers if key.lower() != name]
        request.headers.append((name, self._key))
        return await forward(request)


class RingBells:
    """Tells the engine and the pollers that something changed, after it did.

    Args:
        bells: What is rung.
        invalidate: The engine's: drops what it has resolved.
    """

    def __init__(self, bells: Bells, invalidate: Callable[[], None]) -> None:
        self._bells = bells
        self._invalidate = invalidate

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Forwards, then rings what the call may have changed."""
        call = read_call(request)
        response = await forward(request)
        if (request.method not in ("GET", "HEAD") or call.action) and response.status < 400:
            self._ring(call)
        return response

    def _ring(self, call: AwsCall) -> None:
        if call.action.startswith(_READS):
            return
        if call.service in _CONTROL:
            self._invalidate()
            self._bells.functions.ring()
        if call.service in _FILLS_QUEUES:
            self._bells.queues.ring()
        if call.service in ("dynamodb", "cloudformation"):
            self._bells.tables.ring()


class LongPoll:
    """Waits for SQS messages here: inside moto a wait would stop every other call.

    Args:
        moto: Private operations.
        bells: `queues` ends a wait early.
    """

    def __init__(self, moto: Operations, bells: Bells) -> None:
        self._moto = moto
        self._bells = bells

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Forwards again and again until there is a message or the time is over; moto itself never waits."""
        call = read_call(request)
        if call.action != "ReceiveMessage" or call.service not in ("sqs", ""):
            return await forward(request)
        fields: dict[str, Any] = json_object(request.body) if request.header("x-amz-target") else {**form(request)}
        asked = fields.get("WaitTimeSeconds")
        if asked is None:
            queue_url = str(fields.get("QueueUrl") or request.path)
            wait_s = float((await self._moto.call("queue/wait", queue_url=queue_url))["wait_s"])
        else:
            try:
                wait_s = float(asked)
            except (TypeError, ValueError):
                return await forward(request)
        if not 0 < wait_s <= 20:
            return await forward(request)
        until = monotonic() + wait_s
        while True:
            seen = self._bells.queues.count
            # A copy: what is further in changes the headers of what it forwards.
            response = await forward(replace(request, headers=list(request.headers)))
            left_s = until - monotonic()
            if response.status != 200 or left_s <= 0 or _has_messages(response):
                return response
            await self._bells.queues.wait(seen, min(left_s, LOOK_AGAIN_S))


def _has_messages(response: HttpResponse) -> bool:
    if response.body.lstrip().startswith(b"<"):
        return b"<Message>" in response.body
    return bool(json_object(response.body).get("Messages"))
