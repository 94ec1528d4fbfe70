"""boto3 clients for a running local cloud."""

from __future__ import annotations

from typing import Any

from infra.local.state import CloudInfo

READ_MAX_S = 120.0
LOCAL_KEY = "local"
"""Key id and secret of people here: moto takes every key it did not make for the account's owner."""


class LocalClients:
    """Makes clients of one endpoint and keeps them.

    Args:
        endpoint: The local cloud's.
        region: Of every client.
        attempts: Of each call, together; several where what is throttled or fails shall be tried again.
    """

    def __init__(self, endpoint: str, region: str, attempts: int = 1) -> None:
        import boto3

        # A session of its own: nothing of the caller's profile or environment decides where it goes.
        self._session = boto3.Session(LOCAL_KEY, LOCAL_KEY, region_name=region)
        self._endpoint = endpoint
        self._attempts = attempts
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """A client of one service."""
        from botocore.config import Config

        if service not in self._clients:
            config = Config(
                retries={"total_max_attempts": self._attempts, "mode": "standard"},
                connect_timeout=1,
                read_timeout=READ_MAX_S,
                tcp_keepalive=True,
                max_pool_connections=32,
                proxies={},
                s3={"addressing_style": "path"},
            )
            self._clients[service] = self._session.client(service, endpoint_url=self._endpoint, config=config)
        return self._clients[service]


def clients_of(info: CloudInfo, attempts: int = 1) -> LocalClients:
    """Clients of a running local cloud."""
    return LocalClients(info.endpoint, info.region, attempts)
