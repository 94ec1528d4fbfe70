"""The AWS clients a deploy needs, built once and handed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.config import Config
from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3 clients."""

    iam: Any
    lambda_: Any
    logs: Any
    s3: Any
    sqs: Any
    invoke: Any
    """Lambda client for the smoke call: one attempt, and it waits longer than a function may run."""

    ClientError: ClassVar[type[ClientError]] = ClientError

    @classmethod
    def from_session(cls, session: Any) -> Clients:
        """Builds them from a boto3 session; endpoint and credentials come from its environment."""
        patient = Config(retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=5, read_timeout=60)
        once = Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=60,
            tcp_keepalive=True,
        )
        return cls(
            iam=session.client("iam", config=patient),
            lambda_=session.client("lambda", config=patient),
            logs=session.client("logs", config=patient),
            s3=session.client("s3", config=patient),
            sqs=session.client("sqs", config=patient),
            invoke=session.client("lambda", config=once),
        )
