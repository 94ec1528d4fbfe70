"""`./dev run python -m tests.isolation`: the table of what a plugin may try, with both columns."""

from __future__ import annotations

import sys

from tests.isolation.both_ways import NOT_IN_THIS_KERNEL, both_ways
from tests.isolation.document import DOCUMENT, written
from tests.isolation.registry import ATTEMPTS


def main() -> int:
    """Prints it; with --write it puts the rows into docs/security.md.

    Returns:
        1 where an attempt worked, or where a layer is named that stops nothing.
    """
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    found = sorted(both_ways(ATTEMPTS), key=lambda row: (row.attempt.area, row.attempt.layers, row.attempt.name))
    wrong = 0
    print(f"{'area':<12} {'attempt':<88} {'layer':<28} {'layer off':<13} layer on")
    for attempt, without, with_all in found:
        absent = "seccomp" in attempt.layers and without.detail in NOT_IN_THIS_KERNEL
        off = "works" if without.did else "not here" if absent else "STOPPED"
        on = "WORKS" if with_all.did else with_all.detail[:60]
        wrong += with_all.did or not (without.did or absent)
        print(f"{attempt.area:<12} {attempt.name:<88} {' + '.join(attempt.layers):<28} {off:<13} {on}")
    layers = {layer for attempt in ATTEMPTS for layer in attempt.layers}
    print(f"\n{len(found)} attempts, {len(layers)} layers, {wrong} not as they should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
