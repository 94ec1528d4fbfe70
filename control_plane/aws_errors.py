"""AWS's errors, said our way without losing AWS's code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from services_ai_sdk.wire.errors import PlatformError

_RETRYABLE = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_HINTS = {
    "AccessDenied": "the caller's role lacks this permission",
    "AccessDeniedException": "the caller's role lacks this permission",
    "ExpiredTokenException": "log in again: the session's credentials have ended",
    "NoCredentialsError": 'for the local cloud: eval "$(services-ai-admin local env)"; for AWS: aws sso login',
    "NoRegionError": 'for the local cloud: eval "$(services-ai-admin local env)"; for AWS: set AWS_DEFAULT_REGION',
    "ResourceNotFoundException": "is the platform deployed? services-ai-admin local up, or deploy template.yaml",
    "NoSuchBucket": "is the platform deployed? services-ai-admin local up, or deploy template.yaml",
}


def aws_code(error: Exception) -> str:
    """AWS's error code, or the exception's class where the request never got an answer."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def said_plainly(error: Exception, doing: str) -> PlatformError:
    """The error as one of ours: `details["aws_code"]` keeps AWS's code."""
    code = aws_code(error)
    unreachable = isinstance(error, HTTPClientError | ConnectionError)
    text = str(error.response.get("Error", {}).get("Message", "")) if isinstance(error, ClientError) else ""
    return PlatformError(
        f"{doing}: {text or error}",
        code="aws-unreachable" if unreachable else "aws-refused",
        hint=_HINTS.get(code, "is the local cloud up? services-ai-admin local status" if unreachable else ""),
        details={"aws_code": code},
        retryable=unreachable or code in _RETRYABLE,
    )


@contextmanager
def plainly(doing: str) -> Iterator[None]:
    """Turns what botocore raises inside into a `PlatformError` that says what was being done.

    Raises:
        PlatformError: As `said_plainly` makes it.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise said_plainly(error, doing) from error
