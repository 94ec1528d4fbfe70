"""The control plane as the commands use it: the stack that the environment names."""

from __future__ import annotations

import getpass
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from control_plane.aws_clients import client
from control_plane.aws_errors import plainly
from control_plane.cli import screen, wiring
from control_plane.cli.default_cloud import use_local_cloud_by_default
from control_plane.operations.audit import AuditReader
from control_plane.operations.clock import Clock
from control_plane.operations.errors import ErrorReader
from control_plane.operations.status import Fleet
from control_plane.operations.switch import Switch
from control_plane.operations.triage import Triage
from control_plane.operations.unrecorded import Unrecorded
from control_plane.operations.why import Why
from control_plane.table.activity import ActivityTable
from control_plane.table.audit import AuditTable
from control_plane.table.breakers import Breakers
from control_plane.table.dynamo import Table
from control_plane.table.errors import Errors
from control_plane.table.plugins import Plugins
from services_ai_sdk.access.own_resources import secret_settings_path
from services_ai_sdk.wire.errors import PlatformError

if TYPE_CHECKING:
    from control_plane.operations.approve import Approver
    from control_plane.operations.reject import Reject
    from control_plane.operations.rollback import Rollback
    from control_plane.operations.settings import SettingsDesk
    from control_plane.operations.uninstall import Uninstall

DEFAULT_STACK = "services-ai"


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What the commands work with."""

    stack: str
    bucket: str
    clock: Clock
    breakers: Breakers
    plugins: Plugins
    activity: ActivityTable
    errors: Errors
    audit: AuditTable

    @property
    def fleet(self) -> Fleet:
        """States and statistics."""
        return Fleet(self.plugins, self.breakers, self.activity, self.errors, self.clock)

    @property
    def why(self) -> Why:
        """Explanations."""
        return Why(self.fleet, self.errors, self.clock)

    @property
    def unrecorded(self) -> Unrecorded:
        """Failures that are counted and have no record yet."""
        return Unrecorded(self.breakers, self.errors, self.clock)

    @property
    def error_reader(self) -> ErrorReader:
        """Failures and groups."""
        return ErrorReader(self.errors, self.plugins)

    @property
    def triage(self) -> Triage:
        """Decisions about errors."""
        return Triage(self.errors, self.plugins, self.clock, new_id)

    @property
    def audit_reader(self) -> AuditReader:
        """Who did what."""
        return AuditReader(self.audit, self.plugins)

    @property
    def switch(self) -> Switch:
        """On and off."""
        return Switch(self.breakers, self.plugins, self.clock, new_id)

    @property
    def approver(self) -> Approver:
        """Intake and deploy.

        Raises:
            PlatformError: The stack cannot be read, or is older than this version.
        """
        from control_plane.cli.artifacts import ArtifactBucket
        from control_plane.operations.approve import Approver

        with _or_local_cloud():
            deployer = wiring.deployer(_cloudformation(), self.stack)
            with plainly("making an AWS client"):
                s3 = client("s3", read_timeout_s=60, attempts=4)
        return Approver(
            store=ArtifactBucket(s3, self.bucket),
            inspector=wiring.inspector(),
            deployer=deployer,
            plugins=self.plugins,
            clock=self.clock,
            new_id=new_id,
            secrets_path=self._secrets_path,
            lacks=_lacks,
        )

    @property
    def settings_desk(self) -> SettingsDesk:
        """Settings."""
        from control_plane.cli.secrets import SecretsManager
        from control_plane.operations.settings import SettingsDesk

        with plainly("making an AWS client"):
            secrets = SecretsManager(client("secretsmanager", read_timeout_s=10, attempts=4), self.stack)
        return SettingsDesk(self.plugins, secrets, self._secrets_path, self.clock, new_id)

    def _secrets_path(self, plugin_id: str) -> str:
        return secret_settings_path(self.stack, plugin_id)

    @property
    def rollback(self) -> Rollback:
        """Back to what was live.

        Raises:
            PlatformError: The stack cannot be read, or is older than this version.
        """
        from control_plane.operations.rollback import Rollback

        with _or_local_cloud():
            deployer = wiring.rollback(_cloudformation(), self.stack)
        return Rollback(self.plugins, deployer, self.clock, new_id, self._secrets_path)

    @property
    def uninstall(self) -> Uninstall:
        """Away with a plugin.

        Raises:
            PlatformError: The stack cannot be read, or is older than this version.
        """
        from control_plane.operations.uninstall import Uninstall

        with _or_local_cloud():
            remover = wiring.remover(_cloudformation(), self.stack)
        return Uninstall(self.plugins, remover, self.clock, new_id)

    @property
    def reject(self) -> Reject:
        """Away with a submission."""
        from control_plane.cli.artifacts import ArtifactBucket
        from control_plane.operations.reject import Reject

        with _or_local_cloud(), plainly("making an AWS client"):
            s3 = client("s3", read_timeout_s=60, attempts=4)
        return Reject(ArtifactBucket(s3, self.bucket), self.plugins, self.clock, new_id)


def control_plane() -> ControlPlane:
    """The control plane of the stack that the environment names; in the local cloud where it names no AWS.

    Raises:
        PlatformError: AWS cannot be asked, or there is no such stack; the hint says what to set.
    """
    use_local_cloud_by_default(os.environ, screen.progress)
    stack = os.environ.get("SERVICES_AI_STACK") or DEFAULT_STACK
    with _or_local_cloud():
        with plainly(f"reading the stack {stack!r}"):
            description = _cloudformation().describe_stacks(StackName=stack)["Stacks"][0]
        outputs = {item["OutputKey"]: item["OutputValue"] for item in description.get("Outputs", [])}
        missing = [name for name in ("TableName", "ArtifactBucket") if name not in outputs]
        if missing:
            raise PlatformError(
                f"the stack {stack!r} has no output {missing[0]!r}",
                code="stack-outdated",
                hint="deploy this version's template.yaml over it",
            )
        with plainly("making an AWS client"):
            dynamodb = client("dynamodb", read_timeout_s=10, attempts=4)
    clock = Clock()
    table = Table(dynamodb, outputs["TableName"], now_s=clock.now_s, sleep=clock.sleep)
    breakers = Breakers(table)
    return ControlPlane(
        stack=stack,
        bucket=outputs["ArtifactBucket"],
        clock=clock,
        breakers=breakers,
        plugins=Plugins(table, breakers),
        activity=ActivityTable(table),
        errors=Errors(table),
        audit=AuditTable(table),
    )


def actor() -> str:
    """Who runs this command, for the audit; AWS's own trail has the credentials."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}"


def new_id() -> str:
    """Of an audit row."""
    return str(uuid.uuid4())


def _cloudformation() -> Any:
    with plainly("making an AWS client"):
        return client("cloudformation", read_timeout_s=10, attempts=6)


def _lacks(runtime: str) -> str | None:
    """What this machine lacks to run a function; None unless the local cloud is what the commands talk to."""
    return wiring.lacking(runtime) if wiring.used_local_cloud(os.environ) is not None else None


class _or_local_cloud:  # noqa: N801 - reads as a phrase after `with`
    """An error of the surroundings, when a local cloud runs that the environment does not point to, says so."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, PlatformError) or os.environ.get("AWS_ENDPOINT_URL"):
            return
        running = wiring.local_cloud().status(None)
        if running is not None:
            error.hint = 'a local cloud runs on this machine; to use it: eval "$(services-ai-admin local env)"'
        else:
            error.hint = (
                error.hint or "start a local cloud with services-ai-admin local up --detach, or log in to AWS"
            )
