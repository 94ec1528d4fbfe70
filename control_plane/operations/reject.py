"""A submission that is not to be deployed, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from control_plane.operations.clock import Clock
from control_plane.operations.ports import ArtifactStore, Submission
from control_plane.rules.text import one_line
from control_plane.table.audit import AuditRow
from control_plane.table.plugins import Plugins, ReleaseRecord
from services_ai_sdk.wire.errors import InvalidInputError

REASON_MAX_CHARS = 500


@dataclass(frozen=True, slots=True)
class Reject:
    """Rejects submissions.

    Attributes:
        new_id: Makes ids of audit rows.
    """

    store: ArtifactStore
    plugins: Plugins
    clock: Clock
    new_id: Callable[[], str]

    def reject(self, plugin_id: str, version: str, *, actor: str, reason: str) -> Submission:
        """Rejects what was submitted last of a version: `approve` takes it only where its version is named.

        Raises:
            InvalidInputError: There is no such submission, no reason, or it was deployed.
            PlatformError: The bucket or the table refused.
        """
        said = one_line(reason, REASON_MAX_CHARS).strip()
        if not said:
            raise InvalidInputError(
                "rejecting a submission needs a reason: its author is told",
                code="reason-missing",
                hint=f'services-ai-admin reject {plugin_id} {version} --reason "…"',
            )
        found = [one for one in self.store.submissions(plugin_id) if one.version == version]
        if not found:
            raise InvalidInputError(
                f"there is no submission of {plugin_id[:100]} {version[:100]}", code="submission-unknown"
            )
        submission = found[0]
        for release in self.plugins.releases(plugin_id):
            if release.package_sha256 == submission.sha256 and release.deployed is not None:
                raise InvalidInputError(
                    f"{plugin_id} {version} was approved by {release.actor} and deployed",
                    code="reject-deployed",
                    hint=f"services-ai-admin rollback {plugin_id}, or services-ai-admin uninstall {plugin_id}",
                )
        at_ms = self.clock.now_ms()
        self.plugins.write_release(
            ReleaseRecord(plugin_id, version, submission.sha256, "rejected", actor, at_ms, {}, error=said),
            AuditRow(plugin_id, self.new_id(), at_ms, "reject", actor, said, version=version),
        )
        return submission
