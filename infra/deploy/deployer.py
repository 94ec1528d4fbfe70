"""The deployer: reads what is there, plans, and executes. Fulfils `control_plane.operations.ports.Deployer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.deploy.current import Current, CurrentReader
from infra.deploy.executor import Executor
from infra.deploy.plan import DeployPlan
from infra.deploy.planner import LOG_RETENTION_DAYS, Wanted, make_plan, wanted
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from control_plane.operations.ports import Deployment, Plan, Progress, Release
    from infra.deploy.clients import Clients
    from infra.deploy.platform import Platform
    from infra.deploy.waiting import Waiting


class AwsDeployer:
    """Deploys plugins as layer, role and function.

    Args:
        clients: boto3 clients.
        platform: The stack that plugins are deployed beside.
        waiting: For roles and functions to settle.
    """

    def __init__(self, clients: Clients, platform: Platform, waiting: Waiting) -> None:
        self._reader = CurrentReader(clients)
        self._executor = Executor(clients, waiting)
        self._platform = platform

    def plan(self, release: Release) -> DeployPlan:
        """Looks at what is there and says what would change; changes nothing.

        Raises:
            PlatformError: AWS could not be asked.
        """
        want = wanted(release, self._platform)
        return make_plan(release, self._platform, want, self._look(release, want))

    def execute(self, plan: Plan, progress: Progress) -> Deployment:
        """Runs a plan that `plan` made.

        Raises:
            InvalidInputError: The plan is another deployer's.
            PlatformError: AWS refused a step.
            FindingsError: The smoke call failed; `live` was not moved.
        """
        if not isinstance(plan, DeployPlan):
            raise InvalidInputError(f"{type(plan).__name__} is not a plan of this deployer")
        return self._executor.execute(plan, progress)

    def _look(self, release: Release, want: Wanted) -> Current:
        reader = self._reader
        live_version = reader.live_version(want.function_name)
        return Current(
            role_whole=reader.role_whole(want.role_name, want.policy, self._platform.boundary_arn),
            log_group_whole=reader.log_group_whole(want.log_group, LOG_RETENTION_DAYS),
            profile_exists=reader.object_exists(self._platform.bucket, want.profile_key),
            queue_exists=reader.queue_exists(want.queue_name),
            layer_arn=reader.layer_arn(want.layer_name, release.layer.sha256) if release.layer else "",
            function=reader.function(want.function_name),
            live=reader.function(want.function_name, live_version) if live_version else None,
            live_version=live_version,
        )
