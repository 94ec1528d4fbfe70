"""moto delivers a topic's messages to http and https addresses itself, inside the call that publishes.

From its process nothing may be called (`nothing_leaves`); without this, such a subscription would fail the
publishing for all others. So the message is not delivered there, and the log says so.
"""

from __future__ import annotations

import sys
from typing import Any


def apply() -> None:
    """Messages for http and https addresses go nowhere."""
    from moto.sns.models import Subscription

    publish: Any = Subscription.publish

    def published(self: Any, *args: Any, **kwargs: Any) -> None:
        if self.protocol in ("http", "https"):
            sys.stderr.write(
                f"not delivered: {self.topic.arn} has a subscription to {self.endpoint}, "
                "and the local cloud calls no address\n"
            )
            return
        publish(self, *args, **kwargs)

    Subscription.publish = published  # type: ignore[method-assign]
