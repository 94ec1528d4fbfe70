"""How a request that cannot be served reaches the host."""

from __future__ import annotations

from services_ai_sdk.wire import jsontext
from services_ai_sdk.wire.errors import ServicesAIError


def refusal(error: ServicesAIError) -> Exception:
    """An exception for the runtime client to send: its type is the error's name, its message the error as JSON.

    The message is `ServicesAIError.to_dict()`; the host's client makes the same error of it again.
    """
    kind: type[Exception] = type(type(error).__name__, (Exception,), {})
    return kind(jsontext.dumps(error.to_dict()))
