"""What people decide about an error, and what becomes of the decision when it happens again: pure functions.

`open` is new; `resolved` in a version, until it happens again in that or a later one, which makes it `regressed`;
`ignored` until a time, or for ever. The breaker knows nothing of it: an ignored error still counts as a failure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from control_plane.rules.versions import at_least


class GroupState(StrEnum):
    """What people see."""

    OPEN = "open"
    REGRESSED = "regressed"
    IGNORED = "ignored"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Decision:
    """Where an error group stands.

    Attributes:
        resolved_in: The version that is said not to have it, while `resolved` or `regressed`.
        ignored_until_ms: While `ignored`; 0 is for ever.
        at_ms: When it came to stand there; 0 for a group that nobody has touched.
        actor: Who; `recorder` for a regression.
        revision: Rises with every change.
    """

    state: GroupState = GroupState.OPEN
    resolved_in: str = ""
    ignored_until_ms: int = 0
    at_ms: int = 0
    actor: str = ""
    reason: str = ""
    revision: int = 0

    def ignores(self, at_ms: int) -> bool:
        """Whether a failure at this time is one that nobody wants to hear of."""
        return self.state is GroupState.IGNORED and (not self.ignored_until_ms or at_ms < self.ignored_until_ms)

    def seen_at(self, at_ms: int) -> GroupState:
        """The state at a time: what was ignored until then is open again."""
        return GroupState.OPEN if self.state is GroupState.IGNORED and not self.ignores(at_ms) else self.state


def resolve(decision: Decision, version: str, at_ms: int, actor: str, reason: str) -> Decision:
    """A person says that `version` does not have it; nothing changes where that was said already."""
    if decision.state is GroupState.RESOLVED and decision.resolved_in == version:
        return decision
    return Decision(GroupState.RESOLVED, version, 0, at_ms, actor, reason, decision.revision + 1)


def ignore(decision: Decision, until_ms: int, at_ms: int, actor: str, reason: str) -> Decision:
    """A person does not want to hear of it until a time; 0 is for ever."""
    if decision.state is GroupState.IGNORED and decision.ignored_until_ms == until_ms:
        return decision
    return Decision(GroupState.IGNORED, "", until_ms, at_ms, actor, reason, decision.revision + 1)


def reopen(decision: Decision, at_ms: int, actor: str, reason: str) -> Decision:
    """A person wants to hear of it again."""
    if decision.state is GroupState.OPEN:
        return decision
    return Decision(GroupState.OPEN, "", 0, at_ms, actor, reason, decision.revision + 1)


def happened_again(decision: Decision, version: str, at_ms: int) -> Decision:
    """What one more failure makes of it; the same object where it is no news.

    A failure from before the decision, whose record comes late or again, is none: the time at which it happened is
    what counts. Two clocks that differ can only make a regression be noticed at a later failure.
    """
    if at_ms <= decision.at_ms:
        return decision
    if decision.state is GroupState.RESOLVED and at_least(version, decision.resolved_in):
        return replace(
            decision,
            state=GroupState.REGRESSED,
            at_ms=at_ms,
            actor="recorder",
            reason=f"it happened again in {version}, and was resolved in {decision.resolved_in}",
            revision=decision.revision + 1,
        )
    if decision.state is GroupState.IGNORED and not decision.ignores(at_ms):
        return Decision(
            GroupState.OPEN, "", 0, at_ms, "recorder", "the time for which it was ignored is over",
            decision.revision + 1,
        )  # fmt: skip
    return decision
