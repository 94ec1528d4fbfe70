"""AWS's errors, said our way without losing AWS's code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from services_ai_sdk.wire.errors import PlatformError

_HINTS = {
    "AccessDenied": "the caller's role lacks this permission",
    "AccessDeniedException": "the caller's role lacks this permission",
    "ExpiredToken": "log in again: the session's credentials have ended",
    "NoSuchBucket": "is the platform deployed? services-ai-admin local up, or deploy template.yaml",
}
_RETRYABLE = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "ServiceUnavailable"})


def aws_code(error: Exception) -> str:
    """AWS's error code, or the exception's class where the request never got an answer."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


@contextmanager
def said_plainly(doing: str, **details: Any) -> Iterator[None]:
    """Turns what botocore raises inside into a `PlatformError` that says what was being done.

    Raises:
        PlatformError: With `details["aws_code"]` and whatever `details` were given.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        code = aws_code(error)
        text = str(error.response["Error"].get("Message", error)) if isinstance(error, ClientError) else str(error)
        unreachable = not isinstance(error, ClientError)
        raise PlatformError(
            f"{doing}: {text}",
            code="aws-refused" if not unreachable else "aws-unreachable",
            hint=_HINTS.get(code, "is the local cloud up? services-ai-admin local status" if unreachable else ""),
            details={"aws_code": code, **details},
            retryable=unreachable or code in _RETRYABLE,
        ) from error
