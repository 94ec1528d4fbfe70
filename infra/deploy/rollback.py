"""Points `live` at a version that was live before. Fulfils `control_plane.operations.ports.RollsBack`.

A Lambda version is immutable: code, layers, role and sandbox profile are those of its own deploy. Only the role
itself lies outside it, and may be gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from control_plane.aws_errors import plainly
from control_plane.operations.ports import Earlier
from infra.deploy.current import CurrentReader
from infra.deploy.plan import Action, Step
from infra.deploy.smoke import TROUBLE, smoke_call
from infra.names import LIVE_ALIAS
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from control_plane.operations.ports import Plan, Progress
    from infra.deploy.clients import Clients
    from infra.deploy.platform import Platform
    from infra.deploy.waiting import Waiting


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """What a rollback would do, in order; no steps where `live` is there already."""

    earlier: Earlier
    function_name: str
    steps: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `--json` and `--dry-run`."""
        return {
            "plugin": self.earlier.plugin_id,
            "version": self.earlier.version,
            "function_version": self.earlier.function_version,
            "role_arn": self.earlier.role_arn,
            "steps": [step.to_dict() for step in self.steps],
        }


class AwsRollback:
    """Rolls plugins back.

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

    def plan_rollback(self, earlier: Earlier) -> RollbackPlan:
        """Looks at what is there and says what would change; changes nothing.

        Raises:
            InvalidInputError: The Lambda version or its role is no longer there.
            PlatformError: AWS could not be asked.
        """
        name = self._platform.names.function(earlier.plugin_id)
        there = self._reader.function(name, earlier.function_version)
        gone = ""
        if there is None:
            gone = f"version {earlier.function_version} of the function {name}"
        elif not self._reader.role_exists(there.role_arn):
            gone = f"its role {there.role_arn}"
        if gone:
            raise InvalidInputError(
                f"{earlier.plugin_id} {earlier.version} cannot be made live again: {gone} is no longer there",
                code="rollback-gone",
                hint=f"deploy it again: services-ai-admin approve {earlier.plugin_id} --version {earlier.version}",
            )
        live = self._reader.live_version(name)
        steps = (
            Step(Action.SMOKE_CALL, name, f"imports {earlier.version} before {LIVE_ALIAS} moves; calls no hook"),
            Step(
                Action.MOVE_LIVE,
                f"{name}:{LIVE_ALIAS}",
                f"{LIVE_ALIAS} points to version {live}, {earlier.version} is version {earlier.function_version}",
            ),
        )
        return RollbackPlan(earlier, name, () if live == earlier.function_version else steps)

    def roll_back(self, plan: Plan, progress: Progress) -> str:
        """Runs a plan that `plan_rollback` made; returns what the smoke call found.

        Raises:
            InvalidInputError: The plan is another's.
            PlatformError: AWS refused a step.
            FindingsError: The smoke call failed; `live` was not moved.
        """
        if not isinstance(plan, RollbackPlan):
            raise InvalidInputError(f"{type(plan).__name__} is no plan of a rollback")
        smoke = ""
        for step in plan.steps:
            progress(f"{step.action} {step.target}")
            with plainly(f"{step.action} {step.target}"):
                if step.action is Action.SMOKE_CALL:
                    smoke = self._waiting.until_accepted(
                        lambda: smoke_call(self._clients.invoke, plan.function_name, plan.earlier),
                        progress,
                        also=TROUBLE,
                    )
                else:
                    self._move(plan, progress)
        return smoke

    def _move(self, plan: RollbackPlan, progress: Progress) -> None:
        lambda_ = self._clients.lambda_
        self._waiting.until_accepted(
            lambda: lambda_.update_alias(
                FunctionName=plan.function_name,
                Name=LIVE_ALIAS,
                FunctionVersion=plan.earlier.function_version,
            ),
            progress,
        )
