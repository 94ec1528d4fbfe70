"""What moto knows of identities, asked once and kept until something may have changed it."""

from __future__ import annotations

from typing import Any

from infra.local.moto_client import Operations
from infra.local.requests import read_call
from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse

_KEPT_MAX = 4096
_DATA = {
    "sqs": ("SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "Get", "List"),
    "sns": ("Publish", "Get", "List"),
    "dynamodb": (
        "Get",
        "Put",
        "UpdateItem",
        "DeleteItem",
        "Query",
        "Scan",
        "Batch",
        "Transact",
        "Execute",
        "Describe",
        "List",
    ),
    "logs": ("",),
    "sts": ("Get",),
    "iam": ("Get", "List"),
}
"""Beginnings of actions that change nothing that is kept here."""


class Knowledge:
    """Answers of moto's private operations, kept.

    Args:
        moto: Private operations.
    """

    def __init__(self, moto: Operations) -> None:
        self._moto = moto
        self._kept: dict[tuple[Any, ...], Any] = {}
        self._generation = 0

    async def __call__(self, operation: str, **request: Any) -> Any:
        """Asks, unless it is known.

        Raises:
            MotoRefused: It said no; that is not kept.
        """
        key = (operation, *sorted(request.items()))
        if key in self._kept:
            return self._kept[key]
        generation = self._generation
        answer = await self._moto.call(operation, **request)
        if generation == self._generation:
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            self._kept[key] = answer
        return answer

    def forget(self) -> None:
        """Something may have changed: what is on its way is not kept either."""
        self._generation += 1
        self._kept.clear()


class ForgetOnChange:
    """Forgets what is known once a request may have changed it; the outermost of the middleware.

    Args:
        knowledge: What forgets.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Forwards, then forgets."""
        response = await forward(request)
        if _changes(request):
            self._knowledge.forget()
        return response


def _changes(request: HttpRequest) -> bool:
    call = read_call(request)
    if call.action:
        return not call.action.startswith(_DATA.get(call.service, ("Get", "List", "Describe")))
    if request.method in ("GET", "HEAD"):
        return False
    # An object is nothing of ours; a bucket, and what hangs on one, may be.
    return call.service != "s3" or request.path.strip("/").count("/") == 0 or "policy" in request.target
