"""moto applies a transaction again when its ClientRequestToken comes again: a retried transfer is done twice.

DynamoDB answers the second one from the first for ten minutes, and refuses another request under the same token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections import OrderedDict
from typing import Any

VALID_S = 600.0
KEPT_TOKENS = 10_000
"""The newest: boto3 makes a token for every transaction. In DynamoDB only time forgets them."""

TOKENS = "client_tokens"
"""Attribute of a backend: by token, the digest of its request and until when it holds. Kept with the state."""


def apply() -> None:
    """Remembers transactions that succeeded."""
    from moto.core.responses import ActionResult
    from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException, MockValidationException
    from moto.dynamodb.responses import DynamoHandler

    handler: Any = DynamoHandler
    transact = handler.transact_write_items

    def transact_write_items(self: Any) -> Any:
        token = self.body.get("ClientRequestToken")
        if not token:
            return transact(self)
        if len(token) > 36:
            raise MockValidationException(
                f"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to satisfy "
                "constraint: Member must have length less than or equal to 36"
            )
        tokens = _valid_tokens(self.dynamodb_backend)
        digest = _digest(self.body["TransactItems"])
        known = tokens.get(token)
        if known is None:
            answer = transact(self)
            tokens[token] = (digest, time.time() + VALID_S)
            return answer
        if known[0] != digest:
            raise DynamodbException(
                f"{ERROR_TYPE_PREFIX}IdempotentParameterMismatchException",
                f"the token {token} belongs to another request of the last ten minutes",
            )
        answer = ActionResult({"ConsumedCapacity": [], "ItemCollectionMetrics": {}})
        # It costs a reading of the items: see consumed_capacity.
        answer.replayed = True  # type: ignore[attr-defined]
        return answer

    handler.transact_write_items = transact_write_items


def _valid_tokens(backend: Any) -> OrderedDict[str, tuple[bytes, float]]:
    tokens: OrderedDict[str, tuple[bytes, float]] = backend.__dict__.setdefault(TOKENS, OrderedDict())
    now_s = time.time()
    while tokens:
        oldest = next(iter(tokens))
        if len(tokens) < KEPT_TOKENS and tokens[oldest][1] > now_s:
            break
        del tokens[oldest]
    return tokens


def _digest(transact_items: list[dict[str, Any]]) -> bytes:
    text = json.dumps(transact_items, sort_keys=True, separators=(",", ":"), default=_binary)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _binary(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"binary": base64.b64encode(value).decode()}
    raise TypeError(f"not of a request: {type(value).__name__}")
