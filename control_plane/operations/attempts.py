"""A deploy that did not take effect: what an admin wants to know of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from control_plane.rules.moments import iso, moment, span
from control_plane.rules.text import one_line
from control_plane.table.plugins import Plugins, ReleaseRecord
from services_ai_sdk.wire.failure import Failure

_UNFINISHED = ("approved", "failed")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The latest deploy of a plugin, where it failed or has not ended.

    Attributes:
        live_version: What is live instead; empty where nothing ever was.
    """

    release: ReleaseRecord
    live_version: str

    @property
    def failure(self) -> Failure | None:
        """What the plugin answered the smoke call; None where something else went wrong."""
        return Failure.from_dict(self.release.failure) if self.release.failure else None

    def sentences(self, now_s: float) -> list[str]:
        """What happened, what is live, what to do."""
        release = self.release
        at_s = release.at_ms / 1000
        when = f"at {moment(at_s)} ({span(now_s - at_s)} ago), approved by {release.actor}"
        live = f"{self.live_version} is still live." if self.live_version else "Nothing of it has ever been live."
        again = f"services-ai-admin approve {release.plugin_id} --version {release.version}"
        if release.status != "failed":
            return [
                f"The deploy of {release.version} began {when}, and has not ended.",
                live,
                f"If it was interrupted, it goes on with: {again}",
            ]
        mend = "Once the cause is gone"
        if release.failure:
            mend = "Once its author has mended, packaged and submitted it"
            again = f"services-ai-admin approve {release.plugin_id}"
        return [
            f"The deploy of {release.version} failed {when}: {one_line(release.error, 600)}",
            live,
            f"{mend}: {again}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        release = self.release
        return {
            "version": release.version,
            "status": release.status,
            "at": iso(release.at_ms / 1000),
            "actor": release.actor,
            "dependencies": [asdict(each) for each in release.dependencies],
            "error": release.error,
            "failure": release.failure,
            "live_version": self.live_version or None,
        }


def last_attempt(plugins: Plugins, plugin_id: str, live_version: str) -> Attempt | None:
    """The latest deploy of a plugin, unless it took effect or there was none."""
    last = max(plugins.releases(plugin_id), key=lambda release: release.at_ms, default=None)
    return Attempt(last, live_version) if last is not None and last.status in _UNFINISHED else None
