"""A deploy as data: every step says what it does, to what, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from control_plane.operations.ports import Release
from services_ai_sdk.access.statement import Statement


class Action(StrEnum):
    """What a step does; the executor has one method for each."""

    CREATE_ROLE = "create-role"
    CREATE_LOG_GROUP = "create-log-group"
    CREATE_QUEUE = "create-queue"
    PUBLISH_LAYER = "publish-layer"
    PUT_PROFILE = "put-profile"
    CREATE_FUNCTION = "create-function"
    UPDATE_CODE = "update-code"
    UPDATE_CONFIGURATION = "update-configuration"
    PUBLISH_VERSION = "publish-version"
    SMOKE_CALL = "smoke-call"
    MOVE_LIVE = "move-live"
    DELETE_QUEUE = "delete-queue"


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        target: The name or ARN it acts on.
        why: For a person: what is missing or differs.
        parameters: The API call's arguments as far as they are known before the steps ahead have run.
    """

    action: Action
    target: str
    why: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {"action": str(self.action), "target": self.target, "why": self.why, "parameters": self.parameters}


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """Everything a deploy would do, in order.

    Attributes:
        resources: What the plugin is told of its own resources, by capability that it asks for.
        policy: What its role allows, each statement with its reason.
        network: What was granted of it, with what AWS makes of that, in words.
        layer_arn: The dependency layer where it exists already; empty when a step publishes it or none is needed.
        live_version: Lambda version that `live` already points to and that is exactly this release; empty if none.
    """

    release: Release
    function_name: str
    function_arn: str
    role_arn: str
    runtime_layer_arn: str
    layer_arn: str
    live_version: str
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    resources: dict[str, dict[str, str]] = field(default_factory=dict)
    policy: tuple[Statement, ...] = ()
    network: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `--json` and `--dry-run`."""
        return {
            "plugin": self.release.manifest.plugin_id,
            "version": self.release.manifest.version,
            "function_arn": self.function_arn,
            "role_arn": self.role_arn,
            "steps": [step.to_dict() for step in self.steps],
            "network": self.network,
            "policy": [statement.to_dict() for statement in self.policy],
            "warnings": list(self.warnings),
        }
