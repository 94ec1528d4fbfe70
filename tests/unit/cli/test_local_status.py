from __future__ import annotations

from control_plane.cli.local import feed_text

POLLER = {
    "source": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-01",
    "function": "arn:aws:lambda:us-east-1:123456789012:function:notifier",
    "errors": 0,
    "last_error": "",
}


def test_a_poller_that_has_met_errors_says_so() -> None:
    assert feed_text(POLLER) == "orders → notifier"
    refused = {**POLLER, "refused": "QueueDoesNotExist: gone"}
    assert feed_text(refused) == "orders → notifier (QueueDoesNotExist: gone)"
    failing = {**POLLER, "errors": 3, "last_error": "ValueError: x"}
    assert feed_text(failing) == "orders → notifier (3 errors, the last: ValueError: x)"
