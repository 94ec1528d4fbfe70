"""What is there now: read only, so that a plan can be made and shown without touching anything."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from control_plane.aws_errors import aws_code, plainly
from infra.names import LIVE_ALIAS, ROLE_POLICY_NAME, profile_in

if TYPE_CHECKING:
    from infra.deploy.clients import Clients

MISSING_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
"""SQS's code in the query protocol, and the shape's name that the JSON protocol has."""
_MISSING = MISSING_QUEUE | {"ResourceNotFoundException", "NoSuchEntity", "404", "NoSuchKey", "NotFound"}


@dataclass(frozen=True, slots=True)
class FunctionState:
    """A function's configuration as far as a deploy sets it; hashable digests instead of bytes."""

    code_sha256: str
    runtime: str
    handler: str
    role_arn: str
    layers: tuple[str, ...]
    memory_mb: int
    timeout_s: int
    profile_key: str
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()

    @property
    def vpc(self) -> dict[str, list[str]]:
        """As Lambda takes it; without a subnet the function is in no VPC."""
        return {"SubnetIds": list(self.subnet_ids), "SecurityGroupIds": list(self.security_group_ids)}

    @classmethod
    def from_configuration(cls, configuration: dict[str, Any]) -> FunctionState:
        """From what GetFunctionConfiguration answers; the digest becomes hex as everywhere else here."""
        vpc = configuration.get("VpcConfig") or {}
        return cls(
            subnet_ids=tuple(sorted(vpc.get("SubnetIds") or ())),
            security_group_ids=tuple(sorted(vpc.get("SecurityGroupIds") or ())),
            code_sha256=base64.b64decode(configuration["CodeSha256"]).hex(),
            runtime=configuration["Runtime"],
            handler=configuration["Handler"],
            role_arn=configuration["Role"],
            layers=tuple(layer["Arn"] for layer in configuration.get("Layers") or []),
            memory_mb=configuration["MemorySize"],
            timeout_s=configuration["Timeout"],
            profile_key=profile_in(configuration.get("Description", "")),
        )


@dataclass(frozen=True, slots=True)
class Current:
    """What a deploy found.

    Attributes:
        role_whole: Whether the role is there with its policy and boundary; a deploy may have stopped between them.
        log_group_whole: Whether the log group is there with its retention.
        queue_exists: Whether the plugin has a queue of its own.
        layer_arn: Version ARN of the dependency layer with the wanted bytes; empty when there is none.
        function: `$LATEST`, or None.
        live: What the alias `live` points to, or None.
        live_version: Its Lambda version; empty without an alias.
    """

    role_whole: bool
    log_group_whole: bool
    profile_exists: bool
    queue_exists: bool
    layer_arn: str
    function: FunctionState | None
    live: FunctionState | None
    live_version: str


class CurrentReader:
    """Asks AWS what is there.

    Args:
        clients: boto3 clients.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def role_whole(self, role_name: str, policy: dict[str, Any], boundary_arn: str) -> bool:
        """Whether the role is there, with exactly this policy and boundary."""
        iam = self._clients.iam
        with plainly(f"looking for the role {role_name}"):
            role = self._found(iam.get_role, RoleName=role_name)
            if role is None:
                return False
            inline = self._found(iam.get_role_policy, RoleName=role_name, PolicyName=ROLE_POLICY_NAME)
        boundary = role["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return inline is not None and inline["PolicyDocument"] == policy and boundary == boundary_arn

    def role_exists(self, role_arn: str) -> bool:
        """Whether there is such a role."""
        with plainly(f"looking for the role {role_arn}"):
            return self._found(self._clients.iam.get_role, RoleName=role_arn.rsplit("/", 1)[-1]) is not None

    def log_group_whole(self, name: str, retention_days: int) -> bool:
        """Whether the log group is there, and keeps what it has for this long."""
        with plainly(f"looking for the log group {name}"):
            groups = self._clients.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return any(
            group["logGroupName"] == name and group.get("retentionInDays") == retention_days for group in groups
        )

    def object_exists(self, bucket: str, key: str) -> bool:
        """Whether the object is there."""
        with plainly(f"looking for s3://{bucket}/{key}"):
            return self._found(self._clients.s3.head_object, Bucket=bucket, Key=key) is not None

    def queue_exists(self, name: str) -> bool:
        """Whether the queue is there."""
        with plainly(f"looking for the queue {name}"):
            return self._found(self._clients.sqs.get_queue_url, QueueName=name) is not None

    def layer_arn(self, layer_name: str, sha256: str) -> str:
        """ARN of the newest version of the layer that has exactly these bytes; empty when none has."""
        with plainly(f"looking for the layer {layer_name}"):
            answer = self._found(self._clients.lambda_.list_layer_versions, LayerName=layer_name)
            for version in (answer or {}).get("LayerVersions", []):
                detail = self._clients.lambda_.get_layer_version(
                    LayerName=layer_name, VersionNumber=version["Version"]
                )
                if base64.b64decode(detail["Content"]["CodeSha256"]).hex() == sha256:
                    return str(version["LayerVersionArn"])
        return ""

    def function(self, name: str, qualifier: str = "$LATEST") -> FunctionState | None:
        """A version's configuration, or None where there is no such function or version."""
        with plainly(f"reading the function {name}"):
            found = self._found(
                self._clients.lambda_.get_function_configuration, FunctionName=name, Qualifier=qualifier
            )
        return FunctionState.from_configuration(found) if found else None

    def live_version(self, name: str) -> str:
        """Lambda version behind `live`; empty without function or alias."""
        with plainly(f"reading the alias {LIVE_ALIAS} of {name}"):
            alias = self._found(self._clients.lambda_.get_alias, FunctionName=name, Name=LIVE_ALIAS)
        return str(alias["FunctionVersion"]) if alias else ""

    def _found(self, call: Any, **arguments: Any) -> dict[str, Any] | None:
        try:
            return dict(call(**arguments))
        except self._clients.ClientError as error:
            if aws_code(error) in _MISSING:
                return None
            raise
