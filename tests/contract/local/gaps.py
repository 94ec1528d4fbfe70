"""Which test shows which gap of moto: each patch of moto_patches has one that fails without it.

test_moto_gaps.py runs it once more, in a moto process with every patch but that one; there it has to fail so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Probe = TypeVar("Probe", bound=Callable[..., None])


@dataclass(frozen=True)
class Gap:
    """How a gap is shown.

    Attributes:
        probe: A test that fails without the patch.
        seen_as: A pattern of how it fails; anything else that fails shows nothing.
        arguments: Of a test that has parameters, those to run it with.
    """

    probe: Callable[..., None]
    seen_as: str
    arguments: dict[str, Any]


GAPS: dict[str, Gap] = {}


def gap(patch: str, seen_as: str, **arguments: Any) -> Callable[[Probe], Probe]:
    """Marks the test that shows why a patch is needed."""

    def register(probe: Probe) -> Probe:
        other = GAPS.get(patch)
        if other is not None and other.probe.__qualname__ != probe.__qualname__:
            raise ValueError(
                f"two tests show the gap of {patch}: {other.probe.__qualname__}, {probe.__qualname__}"
            )
        GAPS[patch] = Gap(probe, seen_as, arguments)
        return probe

    return register
