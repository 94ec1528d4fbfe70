"""What a process is told by its environment, and the AWS clients it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services_ai_sdk.wire.errors import PlatformError


def setting(environ: Mapping[str, str], name: str) -> str:
    """One variable.

    Raises:
        PlatformError: It is not set.
    """
    value = environ.get(name, "")
    if not value:
        raise PlatformError(
            f"the variable {name} is not set",
            code="setting-missing",
            hint="template.yaml sets it for every function",
        )
    return value


def client(service: str, *, read_timeout_s: float, attempts: int, connections: int = 10) -> Any:
    """A boto3 client that never waits long.

    Args:
        service: `dynamodb`, `sqs`, `lambda` …
        read_timeout_s: For one attempt.
        attempts: All together; 1 for Invoke, which must never be sent twice.
        connections: Kept open at once.
    """
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        config=Config(
            retries={"total_max_attempts": attempts, "mode": "standard"},
            connect_timeout=1,
            read_timeout=read_timeout_s,
            tcp_keepalive=True,
            max_pool_connections=connections,
        ),
    )
