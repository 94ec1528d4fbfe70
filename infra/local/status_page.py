"""`GET /_services_ai/status` on the local cloud's port: what runs in it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from services_ai_sdk.emulator.http import Forward, HttpRequest, HttpResponse, json_response

STATUS_PATH = "/_services_ai/status"


class StatusPage:
    """Answers the status page; functions do not see it.

    Args:
        status: Makes the answer.
    """

    def __init__(self, status: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._status = status

    async def __call__(self, request: HttpRequest, forward: Forward) -> HttpResponse:
        """Answers or forwards."""
        if request.path != STATUS_PATH or request.method != "GET":
            return await forward(request)
        if request.identity is not None:
            return json_response(403, b'{"message":"not for functions"}')
        return json_response(200, json.dumps(await self._status()).encode())
