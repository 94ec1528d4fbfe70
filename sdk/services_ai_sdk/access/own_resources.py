"""What belongs to one plugin in AWS: its partition, prefix, queue, secrets and sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from services_ai_sdk.access.policy import FunctionIdentity

_DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


def secret_settings_path(stack: str, plugin_id: str) -> str:
    """Beginning of the names of a plugin's secret settings."""
    return f"{stack}/plugins/{plugin_id}/settings/"


@dataclass(frozen=True, slots=True)
class Shared:
    """What the stack keeps for all plugins: outputs of template.yaml.

    Attributes:
        storage_table: Name of the table in which each plugin has one partition.
        files_bucket: Name of the bucket in which each plugin has one prefix.
        email_from: The one address that plugins send from; empty where the stack names none.
    """

    storage_table: str
    files_bucket: str
    email_from: str = ""


@dataclass(frozen=True, slots=True)
class OwnResources:
    """Names and ARNs of one plugin's resources.

    Attributes:
        identity: Its function.
        stack: Whose secrets path it has a part of.
    """

    identity: FunctionIdentity
    stack: str
    plugin_id: str
    shared: Shared

    @property
    def partition_key(self) -> str:
        """The only value of `pk` that it reads and writes in the storage table."""
        return f"plugin#{self.plugin_id}"

    @property
    def files_prefix(self) -> str:
        """Of its objects' keys."""
        return f"plugins/{self.plugin_id}/"

    @property
    def secrets_path(self) -> str:
        """Of its secrets' names."""
        return f"{self.stack}/plugins/{self.plugin_id}/"

    @property
    def secret_settings_path(self) -> str:
        """Of the names of those secrets that are settings."""
        return secret_settings_path(self.stack, self.plugin_id)

    @property
    def queue_name(self) -> str:
        """As its function is called."""
        return self.identity.function_name

    @property
    def queue_url(self) -> str:
        """Where it is reached; the local cloud reads the account and the name from it."""
        at = self.identity
        suffix = _DNS_SUFFIXES.get(at.partition, "amazonaws.com")
        return f"https://sqs.{at.region}.{suffix}/{at.account_id}/{self.queue_name}"

    @property
    def table_arn(self) -> str:
        """Of the storage table."""
        return self._arn("dynamodb", f"table/{self.shared.storage_table}")

    @property
    def bucket_arn(self) -> str:
        """Of the files bucket; S3's ARNs have neither region nor account."""
        return f"arn:{self.identity.partition}:s3:::{self.shared.files_bucket}"

    @property
    def queue_arn(self) -> str:
        """Of its queue."""
        return self._arn("sqs", self.queue_name)

    def secrets_arn(self, path: str) -> str:
        """Of all secrets below a path. Each ARN ends with six characters that nobody knows before."""
        return self._arn("secretsmanager", f"secret:{path}*")

    @property
    def sender_arns(self) -> tuple[str, str]:
        """SES asks about the identity that was verified: the address itself, or its domain.

        Raises:
            InvalidInputError: The stack names no address.
        """
        address = self.shared.email_from
        if not address:
            raise InvalidInputError(
                f"{self.plugin_id} asks for the capability 'email', and the stack {self.stack!r} names no address"
                " that plugins send from",
                code="no-sender",
                hint="deploy template.yaml with the parameter PluginEmailFrom (verified in SES),"
                " or approve it --without email",
            )
        return self._arn("ses", f"identity/{address}"), self._arn("ses", f"identity/{address.rpartition('@')[2]}")

    def described(self, capabilities: tuple[str, ...]) -> dict[str, dict[str, str]]:
        """What the plugin's code needs to know to use its capabilities: `self.resources` in a hook."""
        known = {
            "storage": {"table": self.shared.storage_table, "partition": self.partition_key},
            "secrets": {"path": self.secrets_path},
            "files": {"bucket": self.shared.files_bucket, "prefix": self.files_prefix},
            "email": {"sender": self.shared.email_from},
            "queue": {"name": self.queue_name, "url": self.queue_url},
        }
        return {name: known[name] for name in sorted(capabilities)}

    def _arn(self, service: str, rest: str) -> str:
        at = self.identity
        return f"arn:{at.partition}:{service}:{at.region}:{at.account_id}:{rest}"
