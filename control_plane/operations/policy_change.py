"""What the newest submission would change of the role of what is live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from control_plane.operations.granting import grant_all_new
from control_plane.operations.ports import Progress
from control_plane.table.plugins import PluginRecord
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError

if TYPE_CHECKING:
    from control_plane.operations.approve import Approver


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What an upgrade would change of a plugin's role.

    Attributes:
        added: Statements with their reasons; one that differs is removed and added.
        error: Why that cannot be said.
    """

    version: str
    added: tuple[dict[str, Any], ...] = ()
    removed: tuple[dict[str, Any], ...] = ()
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "version": self.version,
            "added": list(self.added),
            "removed": list(self.removed),
            "error": self.error or None,
        }


def policy_change(version: str, live: PluginRecord, planned: list[dict[str, Any]]) -> PolicyChange:
    """The difference between the role of what is live and that of a plan."""
    return PolicyChange(
        version,
        added=tuple(one for one in planned if one not in live.policy),
        removed=tuple(one for one in live.policy if one not in planned),
    )


def pending_change(approver: Approver, live: PluginRecord, progress: Progress) -> PolicyChange | None:
    """What it would change if all that is new in it were granted; None where what is live is the newest.

    Raises:
        PlatformError: AWS refused.
    """
    newest = next(iter(approver.store.submissions(live.plugin_id)), None)
    if newest is None or newest.sha256 == live.package_sha256:
        return None
    try:
        planned = approver.approve(
            live.plugin_id,
            version=newest.version,
            actor="",
            progress=progress,
            decide=grant_all_new,
            dry_run=True,
        )
    except (InvalidInputError, FindingsError) as error:
        # It cannot be approved as it is: that is the answer.
        return PolicyChange(newest.version, error=error.message)
    return policy_change(newest.version, live, planned.plan.to_dict().get("policy", []))
