"""What operations need from outside; `cli/wiring.py` and the functions' `wiring.py` bind the real things."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from services_ai_sdk.access.grants import Grants
    from services_ai_sdk.manifest.inspected import InspectedPackage
    from services_ai_sdk.manifest.model import Manifest
    from services_ai_sdk.wire.outcome import OutcomesMessage

Progress = Callable[[str], None]
"""Takes one line for a person."""


class PackageInspector(Protocol):
    """Reads a package that anybody may have written."""

    def inspect(self, package: Path, layer: Path | None) -> InspectedPackage:
        """Checks everything that `package` promised.

        Raises:
            InvalidInputError: Unsafe or malformed; nothing is left on disk.
            FindingsError: Well-formed, but a check refuses it; `details["findings"]` has them.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Where a zip lies in the artifact bucket."""

    bucket: str
    key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a plugin, approved: all that a deploy needs to know.

    Attributes:
        layer: None when the plugin has no dependencies.
        grants: What an admin granted: what the manifest asks for, or less.
    """

    manifest: Manifest
    package: StoredObject
    layer: StoredObject | None
    grants: Grants


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deploy left behind.

    Attributes:
        alias_arn: Qualified ARN of `live`: what the dispatcher invokes.
        function_version: Lambda's own version number behind `live`.
        python: Lambda runtime, `python3.12`.
        smoke: `passed`, or `not run: …` with what is missing on this machine; empty where no call was made because
            this release was live already.
        warnings: What an admin should know, one line each.
        resources: What the plugin is told of its own resources, by capability.
        policy: Statements of its role, each with its reason as `Why`.
        network: What was granted of it, with what AWS makes of that, in words.
    """

    function_arn: str
    alias_arn: str
    function_version: str
    layer_arns: tuple[str, ...]
    role_arn: str
    python: str
    smoke: str
    warnings: tuple[str, ...] = ()
    resources: dict[str, dict[str, str]] = field(default_factory=dict)
    policy: tuple[dict[str, Any], ...] = ()
    network: str = ""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A version that was live before, as it was deployed then."""

    plugin_id: str
    version: str
    function_version: str
    role_arn: str
    grants: tuple[str, ...]


class Plan(Protocol):
    """What a deploy would do, as data."""

    def to_dict(self) -> dict[str, Any]:
        """`{"plugin": …, "version": …, "steps": [{"action": "create-role", "target": …, "why": …}, …]}`."""
        ...


class Deployer(Protocol):
    """Knows how; operations know whether."""

    def plan(self, release: Release) -> Plan:
        """Looks at what is there and says what would change; changes nothing."""
        ...

    def execute(self, plan: Plan, progress: Progress) -> Deployment:
        """Does it; idempotent and resumable.

        Raises:
            PlatformError: AWS refused; `details["aws_code"]` has its code.
            FindingsError: The smoke call failed: `live` was not moved.
        """
        ...


class RollsBack(Protocol):
    """Makes live again what was."""

    def plan_rollback(self, earlier: Earlier) -> Plan:
        """Looks at what is there and says what would change; changes nothing.

        Raises:
            InvalidInputError: What it needs is no longer there.
            PlatformError: AWS could not be asked.
        """
        ...

    def roll_back(self, plan: Plan, progress: Progress) -> str:
        """Does it; idempotent. Returns what the smoke call found, empty where it was live already.

        Raises:
            PlatformError: AWS refused.
            FindingsError: The smoke call failed: `live` was not moved.
        """
        ...


class Remover(Protocol):
    """Takes away what deploys made."""

    def plan_removal(self, plugin_id: str, layer_arns: Collection[str]) -> Plan:
        """Lists what is there of a plugin, and of these layers; changes nothing.

        Raises:
            PlatformError: AWS could not be asked.
        """
        ...

    def remove(self, plan: Plan, progress: Progress) -> None:
        """Does it; idempotent and resumable.

        Raises:
            PlatformError: AWS refused.
        """
        ...


@dataclass(frozen=True, slots=True)
class Submission:
    """A package waiting in the artifact bucket under `submissions/<id>/<version>/<sha256>/`.

    Attributes:
        submitted_at: ISO 8601, UTC, as the bucket says.
    """

    plugin_id: str
    version: str
    sha256: str
    submitted_at: str
    package_key: str
    layer_key: str = ""


@dataclass(frozen=True, slots=True)
class Invoked:
    """An Invoke that returned.

    Attributes:
        status_code: HTTP status.
        function_error: `Handled` or `Unhandled`; empty for a function that returned.
        worker_pid: Host pid of the local worker; 0 in AWS.
    """

    status_code: int
    function_error: str
    payload: bytes
    worker_pid: int = 0


class NotInvoked(Exception):  # noqa: N818 - an outcome like others, and it counts against nobody
    """Invoke itself raised: a throttle, a refusal, the network, no answer in time.

    Attributes:
        reason: AWS's code and text.
        not_run: What this machine lacks to run the function; empty otherwise.
    """

    def __init__(self, reason: str, *, not_run: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.not_run = not_run


class Invoker(Protocol):
    """Calls plugin functions; used by several threads at once."""

    def invoke(self, function_arn: str, payload: bytes, timeout_s: float) -> Invoked:
        """One RequestResponse, one attempt.

        Raises:
            NotInvoked: Nothing came back that the plugin is answerable for.
        """
        ...


class OutcomesSink(Protocol):
    """The outcomes queue."""

    def send(self, message: OutcomesMessage) -> None:
        """Sends one call's outcomes; what does not fit goes to the bucket by reference.

        Raises:
            PlatformError: The queue refused or did not answer.
        """
        ...


class ArtifactStore(Protocol):
    """The artifact bucket."""

    @property
    def bucket(self) -> str:
        """Its name."""
        ...

    def place_of(self, sha256: str) -> StoredObject:
        """Where `keep` stores these bytes; nothing is done."""
        ...

    def keep(self, source: Path, sha256: str) -> StoredObject:
        """Stores exactly these bytes under their digest, where no author can write; returns where.

        Raises:
            PlatformError: The bucket refused.
        """
        ...

    def submissions(self, plugin_id: str | None = None) -> Sequence[Submission]:
        """Newest first."""
        ...

    def download(self, key: str, target: Path) -> None:
        """Fetches one object.

        Raises:
            PlatformError: It is not there or may not be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing an admin must hear of.

    Attributes:
        alert_id: The same for every repeat of the same news.
        kind: `auto_disabled`, `recovered`, `new_error`, `regression`, `deploy_failed` …
        attributes: For SNS filters: plugin, kind, severity.
    """

    alert_id: str
    kind: str
    subject: str
    body: str
    attributes: dict[str, str] = field(default_factory=dict)


class AlertPublisher(Protocol):
    """The alerts topic."""

    def publish(self, alert: Alert) -> None:
        """Sends it.

        Raises:
            PlatformError: The topic refused; the caller must let the record be retried.
        """
        ...
