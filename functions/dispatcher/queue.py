"""Sends outcomes to the recorder's queue."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from control_plane.aws_errors import plainly
from control_plane.operations.outcomes import encoded, split
from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import PlatformError
from services_ai_sdk.wire.limits import SQS_MESSAGE_MAX_BYTES
from services_ai_sdk.wire.outcome import OutcomesMessage


class OutcomesQueue:
    """The outcomes queue, with the artifact bucket for what does not fit a message.

    Args:
        sqs: An SQS client.
        queue_url: Where to.
        new_s3: Makes an S3 client when one is first needed.
        bucket: The artifact bucket.
        warn: Takes one line when arguments could not be kept.
    """

    def __init__(
        self, sqs: Any, queue_url: str, new_s3: Callable[[], Any], bucket: str, warn: Callable[[str], None]
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._new_s3 = new_s3
        self._bucket = bucket
        self._warn = warn

    def send(self, message: OutcomesMessage) -> None:
        """Sends one call's outcomes, arguments by reference where they do not fit.

        Raises:
            PlatformError: The queue refused or did not answer.
        """
        if message.args is not None and len(encoded(message)) > SQS_MESSAGE_MAX_BYTES:
            message = self._by_reference(message)
        for piece in split(message):
            with plainly("sending outcomes"):
                self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=encoded(piece).decode())

    def _by_reference(self, message: OutcomesMessage) -> OutcomesMessage:
        # The event's id comes from a host: a digest of it is always a good key.
        key = f"payloads/{hashlib.sha256(message.event_id.encode()).hexdigest()[:32]}.json"
        try:
            with plainly(f"keeping the arguments as {key}"):
                self._new_s3().put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=jsontext.dumps(message.args).encode(),
                    ContentType="application/json",
                )
        except PlatformError as error:
            # The failure itself matters more than what it was called with.
            self._warn(error.message)
            return replace(message, args=None)
        return replace(message, args=None, args_ref=f"s3://{self._bucket}/{key}")
