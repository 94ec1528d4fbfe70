"""moto gives a FIFO group's second message before its first, once their visibility timeout is over.

It takes messages that can be seen again off its list of those in flight one by one, and skips the first because
the second is still on it.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """All that can be seen again are off the list before anything is received."""
    from moto.sqs.models import SQSBackend

    backend: Any = SQSBackend
    receive = backend.receive_message

    def receive_message(self: Any, queue_name: str, *args: Any, **kwargs: Any) -> Any:
        queue = self.get_queue(queue_name)
        if queue.fifo_queue:
            seen_again = {message for message in queue.pending_messages if message.visible}
            queue.pending_messages.difference_update(seen_again)
        return receive(self, queue_name, *args, **kwargs)

    backend.receive_message = receive_message
