"""What a start says of the state that it found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.local.snapshots.restoring import at


def found_lines(found: dict[str, Any]) -> Iterator[str]:
    """Lines for a person; none on a first start.

    Args:
        found: As `KeptState.open` returns it.
    """
    yield from found["notes"]
    if found["taken_at_s"]:
        counts = [f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in found["counts"].items() if count]
        yield f"state of {at(found['taken_at_s'])}: {', '.join(counts) or 'nothing'}"
