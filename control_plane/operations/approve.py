"""A submitted package is taken in, checked, recorded, planned, deployed, and its hooks begin to reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from control_plane.operations.clock import Clock
from control_plane.operations.granting import Asking, Decide, asking_of, granted, in_words
from control_plane.operations.ports import (
    ArtifactStore,
    Deployer,
    Deployment,
    PackageInspector,
    Plan,
    Progress,
    Release,
    StoredObject,
    Submission,
)
from control_plane.operations.release_records import dependencies_of, record_of, routes_of, with_failed
from control_plane.rules import breaker as rules
from control_plane.rules.breaker import BreakerState
from control_plane.rules.not_run import lacking
from control_plane.table.audit import AuditRow
from control_plane.table.plugins import PluginRecord, Plugins, ReleaseRecord
from control_plane.table.routes import Route
from control_plane.table.settings import StoredSettings
from services_ai_sdk.access.grants import Grants
from services_ai_sdk.manifest.inspected import InspectedPackage
from services_ai_sdk.wire.errors import InvalidInputError, ServicesAIError

SMOKE_UNKNOWN = "unknown: made by a deploy that was interrupted before it was recorded"


@dataclass(frozen=True, slots=True)
class Approval:
    """What came of it.

    Attributes:
        asking: What it asks for, beside what was decided before.
        grants: What was granted; in a dry run what would be, if all that is new were.
        deployment: What the deploy left behind; None for a dry run.
        record: What is deployed; None for a dry run.
        breaker: The plugin's breaker after the deploy; None for a dry run.
        lacking: What this machine lacks to run it, where it runs here and that is known.
    """

    submission: Submission
    inspected: InspectedPackage
    plan: Plan
    asking: Asking
    grants: Grants
    deployment: Deployment | None = None
    record: PluginRecord | None = None
    breaker: BreakerState | None = None
    lacking: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "plugin": self.submission.plugin_id,
            "version": self.submission.version,
            "package_sha256": self.inspected.package_sha256,
            "findings": [finding.to_dict() for finding in self.inspected.findings],
            "grants": {
                "asked": self.asking.asked.to_dict(),
                "granted": self.grants.to_dict(),
                "withheld": list(self.asking.asked.beyond(self.grants)),
                "wider": list(self.asking.undecided) if self.asking.before_version else [],
            },
            "dry_run": self.record is None,
            "plan": self.plan.to_dict(),
            "deployment": asdict(self.deployment) if self.deployment else None,
            "limits": self.inspected.manifest.limits.model_dump(),
            "lacking": self.lacking,
            "state": str(self.breaker.state) if self.breaker else None,
        }


@dataclass(frozen=True, slots=True)
class Approver:
    """Approves submissions.

    Attributes:
        new_id: Makes ids of audit rows.
        secrets_path: Of a plugin's secret settings, by its id.
        lacks: What this machine lacks to run a Lambda runtime, empty for nothing; None where functions run
            elsewhere.
    """

    store: ArtifactStore
    inspector: PackageInspector
    deployer: Deployer
    plugins: Plugins
    clock: Clock
    new_id: Callable[[], str]
    secrets_path: Callable[[str], str]
    lacks: Callable[[str], str | None] = lambda _runtime: None

    def approve(
        self,
        plugin_id: str,
        *,
        version: str | None,
        actor: str,
        progress: Progress,
        decide: Decide,
        dry_run: bool = False,
        reason: str = "",
    ) -> Approval:
        """Approves the newest submission of a plugin, or of one of its versions. Approving again is harmless.

        Args:
            plugin_id: Whose.
            version: None for what was submitted last.
            actor: Who approves.
            progress: Told of each step.
            decide: Says what is granted, after every check and before anything changes.
            dry_run: Check and plan; change nothing.
            reason: For the audit.

        Raises:
            InvalidInputError: There is no such submission, or it is unsafe or malformed.
            FindingsError: A check refuses it, or its smoke call failed.
            PlatformError: AWS refused.
        """
        submission = self._find(plugin_id, version)

        def say(line: str) -> None:
            progress(f"{plugin_id}: {line}")

        say(f"checking {submission.version} ({submission.sha256[:12]})")
        with TemporaryDirectory(prefix="services-ai-approve-") as folder:
            package, layer = self._download(submission, Path(folder))
            inspected = self.inspector.inspect(package, layer)
            _same(submission, inspected)
            asking = asking_of(inspected.manifest, inspected.package_sha256, self.plugins)
            grants = granted(decide, asking)
            if dry_run:
                release = self._release(inspected, grants, package=package, layer=layer, keep=False)
                missing = self.lacks(inspected.manifest.python or "") or ""
                plan = self.deployer.plan(release)
                return Approval(submission, inspected, plan, asking, grants, lacking=missing)
            release = self._release(inspected, grants, package=package, layer=layer, keep=True)
        approved = ReleaseRecord(
            plugin_id=plugin_id,
            version=submission.version,
            package_sha256=inspected.package_sha256,
            status="approved",
            actor=actor,
            at_ms=self.clock.now_ms(),
            manifest=inspected.manifest.to_dict(),
            grants=grants,
            dependencies=dependencies_of(inspected, "pending"),
        )
        self.plugins.write_release(
            approved, self._audit(approved, "approve", reason, in_words(asking.asked, grants))
        )
        try:
            plan = self.deployer.plan(release)
            deployment = self.deployer.execute(plan, say)
        except ServicesAIError as error:
            failed = replace(
                approved,
                status="failed",
                error=error.message,
                failure=error.details.get("failure"),
                dependencies=with_failed(approved.dependencies, error.details.get("failure")),
                at_ms=self.clock.now_ms(),
            )
            self.plugins.write_release(failed, self._audit(failed, "deploy-failed", error.message[:500]))
            raise
        deployment, record, breaker = self._take_effect(inspected, deployment, approved, reason)
        say(f"{record.version} is {breaker.state}")
        here = self.lacks(record.python)
        return Approval(
            submission,
            inspected,
            plan,
            asking,
            grants,
            deployment,
            record,
            breaker,
            lacking=lacking(record.smoke) if here is None else here,
        )

    def _find(self, plugin_id: str, version: str | None) -> Submission:
        found = self.store.submissions(plugin_id)
        rejected = {
            release.package_sha256: release
            for release in self.plugins.releases(plugin_id)
            if release.status == "rejected" and version is None
        }
        for submission in found:
            if submission.sha256 not in rejected and version in (None, submission.version):
                return submission
        if found and rejected and version is None:
            last = rejected[found[0].sha256]
            raise InvalidInputError(
                f"what was submitted of {plugin_id} is rejected; {last.version} by {last.actor}: {last.error}",
                code="submission-rejected",
                hint=f"to deploy it all the same: services-ai-admin approve {plugin_id} --version {last.version}",
            )
        wanted = f"{plugin_id} {version}" if version else plugin_id
        versions = sorted({submission.version for submission in found})
        raise InvalidInputError(
            f"there is no submission of {wanted}",
            code="submission-unknown",
            hint=f"submitted are the versions {', '.join(versions)}"
            if versions
            else "services-ai-plugin submit FILE puts a package there",
        )

    def _download(self, submission: Submission, folder: Path) -> tuple[Path, Path | None]:
        package = folder / "package.zip"
        self.store.download(submission.package_key, package)
        if not submission.layer_key:
            return package, None
        layer = folder / "layer.zip"
        self.store.download(submission.layer_key, layer)
        return package, layer

    def _release(
        self, inspected: InspectedPackage, grants: Grants, *, package: Path, layer: Path | None, keep: bool
    ) -> Release:
        """What is deployed are the very bytes that were checked: stored again, where no author can write."""

        def stored(source: Path, sha256: str) -> StoredObject:
            return self.store.keep(source, sha256) if keep else self.store.place_of(sha256)

        return Release(
            manifest=inspected.manifest,
            package=stored(package, inspected.package_sha256),
            layer=stored(layer, inspected.layer_sha256) if layer else None,
            grants=grants,
        )

    def _take_effect(
        self, inspected: InspectedPackage, deployment: Deployment, approved: ReleaseRecord, reason: str
    ) -> tuple[Deployment, PluginRecord, BreakerState]:
        before = self.plugins.get(approved.plugin_id)
        again = before is not None and (before.package_sha256, before.function_version) == (
            inspected.package_sha256,
            deployment.function_version,
        )
        if not deployment.smoke:
            earlier = before.smoke if before is not None and again else SMOKE_UNKNOWN
            deployment = replace(deployment, smoke=earlier)
        at_ms = self.clock.now_ms()
        record = record_of(inspected, deployment, approved.grants or Grants(), approved.actor, at_ms)
        if before is not None and again:
            record = replace(record, deployed_at_ms=before.deployed_at_ms, deployed_by=before.deployed_by)
        released = replace(approved, status="deployed", at_ms=at_ms, dependencies=record.dependencies)

        def routes(stored: StoredSettings) -> list[Route]:
            return routes_of(inspected.manifest, record, deployment, stored, self.secrets_path(record.plugin_id))

        def transition(state: BreakerState) -> BreakerState:
            # The same code again is no reason to believe in it, so the state it earned stays.
            if again:
                return state
            why = reason or f"{record.version} deployed"
            return rules.deploy(state, self.clock.now_s(), approved.actor, why)

        breaker = self.plugins.deployed(
            record, routes, released, self._audit(released, "deploy", reason), transition
        )
        return deployment, record, breaker

    def _audit(self, release: ReleaseRecord, action: str, reason: str, detail: str = "") -> AuditRow:
        return AuditRow(
            plugin_id=release.plugin_id,
            row_id=self.new_id(),
            at_ms=release.at_ms,
            action=action,
            actor=release.actor,
            reason=reason,
            version=release.version,
            detail=detail,
        )


def _same(submission: Submission, inspected: InspectedPackage) -> None:
    """The folder in the bucket says what a package claims to be; only its bytes say what it is.

    Raises:
        InvalidInputError: They differ.
    """
    manifest = inspected.manifest
    claimed = (submission.plugin_id, submission.version, submission.sha256)
    found = (manifest.plugin_id, manifest.version, inspected.package_sha256)
    if claimed != found:
        raise InvalidInputError(
            f"the submission claims to be {claimed[0]} {claimed[1]} ({claimed[2][:12]}),"
            f" the package is {found[0]} {found[1]} ({found[2][:12]})",
            code="submission-mismatch",
            hint="have the author submit it again with services-ai-plugin submit",
        )
