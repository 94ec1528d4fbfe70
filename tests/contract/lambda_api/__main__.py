"""`./dev run python -m tests.contract.lambda_api --stand-in ministack`: the suite against another implementation.

Ends with 1 where a case differs that differences.py does not explain, or one no longer differs.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest

from tests.contract.lambda_api.differences import MINISTACK
from tests.contract.lambda_api.stand_ins import STAND_INS
from tests.contract.lambda_api.table import DOCUMENT, written


class Outcomes:
    """Which cases ran, and which differed: one with any parameter that did."""

    def __init__(self) -> None:
        self.ran: set[str] = set()
        self.differed: set[str] = set()
        self.broken: set[str] = set()

    def pytest_runtest_logreport(self, report: Any) -> None:
        """pytest's."""
        file, _, case = report.nodeid.partition("[")[0].rpartition("/")[2].partition("::")
        place = f"{file}::{case}"
        if report.when == "call":
            self.ran.add(place)
            if report.failed:
                self.differed.add(place)
        elif report.failed:
            self.broken.add(place)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="./dev run python -m tests.contract.lambda_api")
    parser.add_argument("--stand-in", choices=sorted(STAND_INS), required=True)
    parser.add_argument("--write", action="store_true", help="put the table into docs/reference/local-cloud.md")
    arguments = parser.parse_args()
    os.environ["LAMBDA_API_STAND_IN"] = arguments.stand_in
    outcomes = Outcomes()
    # Marks of what we do not do yet say nothing of others: with --runxfail each case counts as it ends.
    ours = ["--runxfail"] if arguments.stand_in != "ours" else []
    pytest.main([str(Path(__file__).parent), "-q", "--tb=line", "-p", "no:cacheprovider", *ours], [outcomes])
    expected = set(MINISTACK) if arguments.stand_in == "ministack" else set()
    new, gone = outcomes.differed - expected, (expected & outcomes.ran) - outcomes.differed
    print(f"\n{arguments.stand_in}: {len(outcomes.ran)} cases, {len(outcomes.differed)} differ from AWS's words")
    for title, places in (
        ("differ, and differences.py does not say how", new),
        ("no longer differ, but are in differences.py", gone),
        ("could not be run", outcomes.broken),
        ("in differences.py, but did not run", expected - outcomes.ran),
    ):
        for place in sorted(places):
            print(f"{title}: {place}")
    if arguments.write:
        DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    return 0 if outcomes.ran and not (new or gone or outcomes.broken or expected - outcomes.ran) else 1


if __name__ == "__main__":
    raise SystemExit(main())
