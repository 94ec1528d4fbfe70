"""How a request that cannot be served reaches the host."""

from __future__ import annotations

import json

from services_ai_sdk.wire.errors import ServicesAIError


def refusal(error: ServicesAIError) -> Exception:
    """An exception for the runtime client to send: its type is the error's name, its message the error as JSON.

    The message is `ServicesAIError.to_dict()`; the host's client makes the same error of it again.
    """
    kind: type[Exception] = type(type(error).__name__, (Exception,), {})
    # Escaped, so that nothing a host sent can break the runtime client's own encoding.
    return kind(json.dumps(error.to_dict()))
