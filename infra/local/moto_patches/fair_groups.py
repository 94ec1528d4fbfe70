"""moto delivers a standard queue's messages in order of arrival whatever their groups: one delays the others.

SQS Developer Guide, "How Amazon SQS fair queues work": quiet groups go before those that have many messages in
flight; a message without a group is a group of its own. AWS begins at 30 messages in flight, and its figures are
approximate; here the rule holds from the first one on, over what is in flight and what waits.
"""

from __future__ import annotations

from collections import Counter
from typing import Any


def apply() -> None:
    """The messages of a standard queue that can be received come in fair order."""
    from moto.sqs.models import Queue

    queue: Any = Queue
    visible = queue.messages.fget

    def messages(self: Any) -> list[Any]:
        found: list[Any] = visible(self)
        if self.fifo_queue or len({message.group_id for message in found}) < 2:
            return found
        turn = Counter(
            message.group_id for message in self._messages if message.group_id is not None and not message.visible
        )
        turns = []
        for message in found:
            turns.append(0 if message.group_id is None else turn[message.group_id])
            turn[message.group_id] += 1
        # Equal turns stay in order of arrival.
        return [message for _, _, message in sorted(zip(turns, range(len(found)), found, strict=True))]

    queue.messages = property(messages)
