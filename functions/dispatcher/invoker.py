"""Calls plugin functions by boto3: one attempt, and a read timeout that follows the caller's budget."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from control_plane.aws_errors import aws_code
from control_plane.operations.ports import Invoked, NotInvoked

WORKER_PID_HEADER = "x-services-ai-worker-pid"
NOT_RUN_HEADER = "x-services-ai-not-run"


class LambdaInvoker:
    """Invokes by RequestResponse.

    A botocore client has one read timeout, so there is one client for each whole second that hosts really use.

    Args:
        new_client: A Lambda client with one attempt, given its read timeout in seconds.
    """

    def __init__(self, new_client: Callable[[int], Any]) -> None:
        self._new_client = new_client
        self._clients: dict[int, Any] = {}
        self._lock = threading.Lock()

    def invoke(self, function_arn: str, payload: bytes, timeout_s: float) -> Invoked:
        """One call.

        Raises:
            NotInvoked: Refused, throttled, not reached, or no answer in time.
        """
        client = self._client(max(1, math.ceil(timeout_s)))
        try:
            answer = client.invoke(FunctionName=function_arn, InvocationType="RequestResponse", Payload=payload)
            body = answer["Payload"].read()
        except ClientError as error:
            headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            text = str(error.response.get("Error", {}).get("Message", ""))
            raise NotInvoked(f"{aws_code(error)}: {text}", not_run=str(headers.get(NOT_RUN_HEADER, ""))) from error
        except BotoCoreError as error:
            raise NotInvoked(f"{aws_code(error)}: {error}") from error
        pid = str(answer["ResponseMetadata"]["HTTPHeaders"].get(WORKER_PID_HEADER, ""))
        return Invoked(
            status_code=answer["StatusCode"],
            function_error=answer.get("FunctionError", ""),
            payload=body,
            worker_pid=int(pid) if pid.isascii() and pid.isdigit() else 0,
        )

    def _client(self, seconds: int) -> Any:
        # Making clients from one session is not thread-safe, using them is.
        with self._lock:
            if seconds not in self._clients:
                self._clients[seconds] = self._new_client(seconds)
            return self._clients[seconds]
