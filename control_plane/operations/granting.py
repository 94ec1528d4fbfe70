"""What an admin is asked before a version may do anything: what it asks for, what is kept, what is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control_plane.table.plugins import Plugins
from services_ai_sdk.access.grants import Grants, upgrade
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from services_ai_sdk.manifest.model import Manifest


@dataclass(frozen=True, slots=True)
class Asking:
    """What one version asks for, beside what was decided before.

    Attributes:
        asked: All of it.
        kept: What was granted before and is asked for again: it stays without a question.
        undecided: Names that nobody has decided on: for a first version all, for an upgrade what is wider.
        before_version: Which version that was decided for; empty for a first one.
    """

    plugin_id: str
    version: str
    asked: Grants
    kept: Grants
    undecided: tuple[str, ...]
    before_version: str = ""

    @property
    def with_all_new(self) -> Grants:
        """What is kept, and all that is undecided. What was withheld before stays withheld."""
        return self.asked.only({*self.kept.names, *self.undecided} & set(self.asked.names))

    def and_also(self, names: tuple[str, ...]) -> Grants:
        """What is kept, and what is named.

        Raises:
            InvalidInputError: A name is not asked for.
        """
        return self.asked.only({*self.kept.names, *self.asked.only(names).names} & set(self.asked.names))


Decide = Callable[[Asking], Grants]
"""Answers with what is granted; raises to leave everything as it is."""


def grant_all_new(asking: Asking) -> Grants:
    """Grants whatever is undecided: what a dry run shows, and `--yes`."""
    return asking.with_all_new


def asking_of(manifest: Manifest, package_sha256: str, plugins: Plugins) -> Asking:
    """What this package's approval has to decide."""
    asked, live = Grants.asked_by(manifest), plugins.get(manifest.plugin_id)
    kept, asked_before, before_version = Grants(), Grants(), ""
    if live is not None:
        kept, asked_before, before_version = live.grants, live.asked, live.version
    since_ms = live.deployed_at_ms if live is not None else 0
    for release in plugins.releases(manifest.plugin_id):
        # Decided for these very bytes, by a deploy that failed or was interrupted since.
        unfinished = release.status != "deployed" and release.at_ms >= since_ms
        if unfinished and release.package_sha256 == package_sha256 and release.grants is not None:
            kept, asked_before, before_version = release.grants, asked, release.version
    still, undecided = upgrade(kept, asked_before, asked)
    return Asking(manifest.plugin_id, manifest.version, asked, still, undecided, before_version)


def granted(decide: Decide, asking: Asking) -> Grants:
    """What was decided, which is never more than what is asked for.

    Raises:
        InvalidInputError: It is more, or nothing was decided.
    """
    decided = decide(asking)
    more = decided.beyond(asking.asked)
    if more:
        raise InvalidInputError(f"{asking.plugin_id} does not ask for {', '.join(more)}", code="not-asked-for")
    return decided


def in_words(asked: Grants, decided: Grants) -> str:
    """For the audit: `granted read_leads, storage; withheld email`."""
    withheld = asked.beyond(decided)
    said = f"granted {', '.join(decided.names) or 'nothing'}"
    return f"{said}; withheld {', '.join(withheld)}" if withheld else said
