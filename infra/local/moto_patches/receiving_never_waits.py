"""moto sleeps inside a ReceiveMessage with a wait: with one thread, every other call of the cloud sleeps with it.

The front does the waiting (`infra.local.middleware.LongPoll`). What it does not recognise as a wait gets none.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """A receive answers at once, whatever it or its queue asks for."""
    from moto.sqs.models import SQSBackend

    receive: Any = SQSBackend.receive_message

    def received(
        self: Any, queue_name: str, count: int, wait_seconds_timeout: int, *args: Any, **kwargs: Any
    ) -> Any:
        del wait_seconds_timeout
        return receive(self, queue_name, count, 0, *args, **kwargs)

    SQSBackend.receive_message = received  # type: ignore[method-assign]
