"""Takes away all that deploys of a plugin ever made. Fulfils `control_plane.operations.ports.Remover`.

What is there is read from AWS, not from the table: a deploy that was stopped, or an earlier removal, may have left
anything. The same listing afterwards proves that nothing is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from control_plane.aws_errors import aws_code, plainly
from infra.deploy.current import MISSING_QUEUE, CurrentReader
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from control_plane.operations.ports import Plan, Progress
    from infra.deploy.clients import Clients
    from infra.deploy.platform import Platform
    from infra.deploy.waiting import Waiting

_GONE = frozenset({"ResourceNotFoundException", "NoSuchEntity"}) | MISSING_QUEUE


class Removal(StrEnum):
    """What a step takes away."""

    FUNCTION = "delete-function"
    ROLE = "delete-role"
    LOG_GROUP = "delete-log-group"
    LAYER = "delete-layer"
    QUEUE = "delete-queue"


@dataclass(frozen=True, slots=True)
class RemovalStep:
    """One thing that is there and goes."""

    action: Removal
    target: str
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {"action": str(self.action), "target": self.target, "why": self.why}


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """All that is there of a plugin, in the order in which it goes.

    Attributes:
        kept: Layers that stay, with the functions that use them.
    """

    plugin_id: str
    steps: tuple[RemovalStep, ...]
    kept: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `--json` and `--dry-run`."""
        return {
            "plugin": self.plugin_id,
            "steps": [step.to_dict() for step in self.steps],
            "kept": [{"target": target, "why": why} for target, why in self.kept],
        }


class AwsRemover:
    """Removes plugins.

    Args:
        clients: boto3 clients.
        platform: The stack that plugins are deployed beside.
        waiting: For what AWS does in its own time.
    """

    def __init__(self, clients: Clients, platform: Platform, waiting: Waiting) -> None:
        self._clients = clients
        self._reader = CurrentReader(clients)
        self._platform = platform
        self._waiting = waiting
        self._methods: dict[Removal, Callable[[str], None]] = {
            Removal.FUNCTION: self._delete_function,
            Removal.ROLE: self._delete_role,
            Removal.LOG_GROUP: lambda name: self._clients.logs.delete_log_group(logGroupName=name),
            Removal.LAYER: self._delete_layer,
            Removal.QUEUE: self._delete_queue,
        }

    def plan_removal(self, plugin_id: str, layer_arns: Collection[str]) -> RemovalPlan:
        """Lists what is there; changes nothing.

        Args:
            plugin_id: Whose.
            layer_arns: Those that its deploys used; what its versions use is found, as long as they are there.

        Raises:
            PlatformError: AWS could not be asked.
        """
        identity = self._platform.identity(plugin_id)
        own, others = self._layers_in_use(identity.function_name)
        steps = []
        if own is not None:
            steps.append(RemovalStep(Removal.FUNCTION, identity.function_name, "with all versions and aliases"))
        steps += [
            RemovalStep(Removal.ROLE, role, "only this plugin's function may wear it")
            for role in self._roles(plugin_id)
        ]
        if self._log_group_exists(identity.log_group):
            steps.append(RemovalStep(Removal.LOG_GROUP, identity.log_group, "with all that the plugin printed"))
        if self._reader.queue_exists(identity.function_name):
            why = "the plugin's own; messages in it are lost"
            steps.append(RemovalStep(Removal.QUEUE, identity.function_name, why))
        kept = []
        for arn in sorted({*layer_arns, *(own or ())} - {self._platform.runtime_layer_arn}):
            if arn in others:
                kept.append((arn, f"{others[arn]} uses it"))
            elif self._layer_exists(arn):
                steps.append(RemovalStep(Removal.LAYER, arn, "no other function uses it"))
        return RemovalPlan(plugin_id, tuple(steps), tuple(kept))

    def remove(self, plan: Plan, progress: Progress) -> None:
        """Takes away what a plan lists; what is gone already is no error.

        Raises:
            InvalidInputError: The plan is another's.
            PlatformError: AWS refused a step; those before it stand, and the same may be asked again.
        """
        if not isinstance(plan, RemovalPlan):
            raise InvalidInputError(f"{type(plan).__name__} is no plan of a removal")
        for step in plan.steps:
            progress(f"{step.action} {step.target}")
            with plainly(f"{step.action} {step.target}"):
                delete = partial(self._methods[step.action], step.target)
                try:
                    self._waiting.until_accepted(delete, progress)
                except self._clients.ClientError as error:
                    if aws_code(error) not in _GONE:
                        raise

    def _layers_in_use(self, function_name: str) -> tuple[set[str] | None, dict[str, str]]:
        """Layers of all versions of a function (None where there is none); and of others, with a name of one."""
        own: set[str] | None = None
        others: dict[str, str] = {}
        with plainly("listing the functions"):
            pages = self._clients.lambda_.get_paginator("list_functions").paginate(FunctionVersion="ALL")
            for function in (function for page in pages for function in page["Functions"]):
                arns = {layer["Arn"] for layer in function.get("Layers") or []}
                if function["FunctionName"] == function_name:
                    own = (own or set()) | arns
                else:
                    others |= dict.fromkeys(arns, function["FunctionName"])
        return own, others

    def _roles(self, plugin_id: str) -> list[str]:
        path = self._platform.names.role_path
        wanted = re.compile(rf"{re.escape(plugin_id)}-[0-9a-f]{{12}}")
        with plainly(f"listing the roles under {path}"):
            pages = self._clients.iam.get_paginator("list_roles").paginate(PathPrefix=path)
            names = [role["RoleName"] for page in pages for role in page["Roles"]]
        return sorted(name for name in names if wanted.fullmatch(name))

    def _log_group_exists(self, name: str) -> bool:
        with plainly(f"looking for the log group {name}"):
            groups = self._clients.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return any(group["logGroupName"] == name for group in groups)

    def _layer_exists(self, arn: str) -> bool:
        with plainly(f"looking for the layer {arn}"):
            try:
                self._clients.lambda_.get_layer_version(**_layer_version(arn))
            except self._clients.ClientError as error:
                if aws_code(error) in _GONE:
                    return False
                raise
        return True

    def _delete_function(self, name: str) -> None:
        self._clients.lambda_.delete_function(FunctionName=name)

    def _delete_role(self, name: str) -> None:
        iam = self._clients.iam
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=name)

    def _delete_queue(self, name: str) -> None:
        sqs = self._clients.sqs
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def _delete_layer(self, arn: str) -> None:
        self._clients.lambda_.delete_layer_version(**_layer_version(arn))


def _layer_version(arn: str) -> dict[str, Any]:
    layer, _, version = arn.rpartition(":")
    return {"LayerName": layer.rpartition(":")[2], "VersionNumber": int(version)}
