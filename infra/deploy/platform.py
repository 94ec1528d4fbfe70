"""What a deploy must know of the platform it deploys into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from control_plane.aws_errors import plainly
from infra.names import Names
from services_ai_sdk.access.own_resources import OwnResources, Shared
from services_ai_sdk.access.policy import FunctionIdentity
from services_ai_sdk.wire.errors import PlatformError


@dataclass(frozen=True, slots=True)
class Isolation:
    """Where plugins without network run: subnets that reach VPC endpoints only."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Platform:
    """The stack's outputs, read once.

    Attributes:
        isolation: None where the stack's PluginNetwork is open.
    """

    names: Names
    partition: str
    region: str
    account_id: str
    bucket: str
    boundary_arn: str
    runtime_layer_arn: str
    shared: Shared
    architecture: str = "x86_64"
    isolation: Isolation | None = None

    def identity(self, plugin_id: str) -> FunctionIdentity:
        """Where a plugin's function lives."""
        return FunctionIdentity(self.partition, self.region, self.account_id, self.names.function(plugin_id))

    def own(self, plugin_id: str) -> OwnResources:
        """What of the stack is a plugin's."""
        return OwnResources(self.identity(plugin_id), self.names.stack, plugin_id, self.shared)

    @classmethod
    def from_stack(cls, cloudformation: Any, stack: str) -> Platform:
        """Reads the outputs of `template.yaml`'s stack.

        Args:
            cloudformation: A boto3 CloudFormation client.
            stack: The stack's name.

        Raises:
            PlatformError: The stack is not there, or has not the outputs of this version's template.
        """
        with plainly(f"reading the stack {stack!r}"):
            description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        outputs = {item["OutputKey"]: item["OutputValue"] for item in description.get("Outputs", [])}
        try:
            arn = outputs["RuntimeLayerArn"].split(":")
            return cls(
                names=Names(stack),
                partition=arn[1],
                region=arn[3],
                account_id=arn[4],
                bucket=outputs["ArtifactBucket"],
                boundary_arn=outputs["PluginBoundaryArn"],
                runtime_layer_arn=outputs["RuntimeLayerArn"],
                shared=Shared(
                    storage_table=outputs["PluginStorageTable"],
                    files_bucket=outputs["PluginFilesBucket"],
                    # Not there where the stack was deployed without one.
                    email_from=outputs.get("PluginEmailFrom", ""),
                ),
                architecture=outputs.get("Architecture", "x86_64"),
                isolation=Isolation(
                    tuple(sorted(outputs["IsolatedSubnetIds"].split(","))), (outputs["PluginSecurityGroupId"],)
                )
                if "IsolatedSubnetIds" in outputs
                else None,
            )
        except KeyError as error:
            raise PlatformError(
                f"the stack {stack!r} has no output {error.args[0]!r}",
                code="stack-outdated",
                hint="deploy this version's template.yaml over it",
            ) from error
