"""One statement of a plugin's policy, with the reason why it is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Statement:
    """What is allowed (or kept from the function's code), on what, and why.

    Attributes:
        sid: Its name in the policy; letters and digits only.
        why: For admins; IAM keeps no comments, so it stays beside the document.
        resources: ARNs.
        condition: As IAM takes it.
        effect: `Allow`; `Deny` only beside an allowance that it narrows.
    """

    sid: str
    why: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: dict[str, dict[str, Any]] = field(default_factory=dict)
    effect: str = "Allow"

    def to_policy(self) -> dict[str, Any]:
        """As it stands in the policy document."""
        resource = self.resources[0] if len(self.resources) == 1 else list(self.resources)
        document = {"Sid": self.sid, "Effect": self.effect, "Action": list(self.actions), "Resource": resource}
        return {**document, "Condition": self.condition} if self.condition else document

    def to_dict(self) -> dict[str, Any]:
        """With the reason, for `--json`."""
        return {**self.to_policy(), "Why": self.why}
