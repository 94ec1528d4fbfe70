"""Which requests change what moto holds: the others need no snapshot.

What is not known to be a read counts as a change, so a mistake here costs a snapshot and no data. `ReceiveMessage`
changes something only when there was a message: whoever waits for one asks again and again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Wsgi = Callable[..., Iterable[bytes]]
_READS = re.compile(r"(?:Describe|Get|List|BatchGet|TransactGet|Query$|Scan$|Filter|Lookup|Head|Simulate)")
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_FORM_HEAD_BYTES = 64 * 1024
_READING_OPERATIONS = frozenset(
    {
        "function",
        "mappings",
        "queues",
        "triggered",
        "queue/wait",
        "stream/read",
        "iam/caller",
        "iam/role",
        "iam/function-role",
        "iam/path",
        "iam/table-key",
        "iam/secret-arn",
        "iam/resource-policy",
    }
)
"""Private ones; `stream/read` says itself when a position has moved."""


def counted(app: Wsgi, changed: Callable[[], None]) -> Wsgi:
    """Moto's application, and `changed` after each request that may have changed something."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        action = _action(environ)
        if action == "ReceiveMessage":
            chunks = list(app(environ, start_response))
            body = b"".join(chunks)
            if b'"Messages"' in body or b"<Message>" in body:
                changed()
            return chunks
        try:
            return app(environ, start_response)
        finally:
            if not _reads(environ["REQUEST_METHOD"], action):
                changed()

    return call


def counted_operation(
    name: str, operation: Callable[[dict[str, Any]], Any], changed: Callable[[], None]
) -> Callable[[dict[str, Any]], Any]:
    """A private operation, and `changed` after it where it may have changed something."""
    if name in _READING_OPERATIONS:
        return operation

    def call(request: dict[str, Any]) -> Any:
        answer = operation(request)
        # Pollers look at empty queues for ever.
        if name != "queue/receive" or answer["records"]:
            changed()
        return answer

    return call


def _reads(method: str, action: str) -> bool:
    return bool(_READS.match(action)) if action else method in ("GET", "HEAD")


def _action(environ: dict[str, Any]) -> str:
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return target.rpartition(".")[2]
    found = _ACTION.search(environ.get("QUERY_STRING", "").encode("latin-1"))
    if found is None and environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        found = _ACTION.search(environ["wsgi.input"].getbuffer()[:_FORM_HEAD_BYTES])
    return found[1].decode("ascii", "replace") if found else ""
