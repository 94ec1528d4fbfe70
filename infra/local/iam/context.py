"""What is known about a request: the values of its condition keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Context:
    """The condition keys of one request.

    A key is there, is known not to be there, or nobody here knows: whatever depends on one of the last kind never
    allows and always denies.

    Attributes:
        values: By key in lower case; no value at all means that AWS would not send the key either.
        absent: Beginnings of keys, in lower case, that are known not to be there.
        closed: What is not in `values` is not there.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    closed: bool = False

    def get(self, key: str) -> tuple[str, ...] | None:
        """Its values; empty when it is not there, None when that is not known."""
        found = self.values.get(key.lower())
        if found is None and (self.closed or (self.absent and key.lower().startswith(self.absent))):
            return ()
        return found
