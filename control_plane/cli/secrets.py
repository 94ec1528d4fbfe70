"""Secrets Manager, as far as secret settings need it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from control_plane.aws_errors import aws_code, plainly

RECOVERY_DAYS = 7
"""The least that AWS offers: until then a deleted secret can be restored, and nobody can read it."""


class SecretsManager:
    """Values of secret settings.

    Args:
        client: A Secrets Manager client.
        stack: For the tag that says whose they are.
    """

    def __init__(self, client: Any, stack: str) -> None:
        self._client = client
        self._stack = stack

    def put(self, name: str, value: str, plugin_id: str) -> None:
        """Makes the secret, or gives it a new value; one that was deleted lately comes back with it.

        Raises:
            PlatformError: AWS refused.
        """
        tags = [
            {"Key": "services-ai:plugin", "Value": plugin_id},
            {"Key": "services-ai:stack", "Value": self._stack},
        ]
        with plainly(f"writing the secret {name}"):
            try:
                self._client.create_secret(Name=name, SecretString=value, Tags=tags)
            except ClientError as error:
                if aws_code(error) not in ("ResourceExistsException", "InvalidRequestException"):
                    raise
                # Harmless for one that is not deleted; PutSecretValue refuses one that is.
                self._client.restore_secret(SecretId=name)
                self._client.put_secret_value(SecretId=name, SecretString=value)

    def delete(self, name: str) -> None:
        """Takes it away.

        Raises:
            PlatformError: AWS refused.
        """
        with plainly(f"deleting the secret {name}"):
            try:
                self._client.delete_secret(SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)
            except ClientError as error:
                if aws_code(error) not in ("ResourceNotFoundException", "InvalidRequestException"):
                    raise
