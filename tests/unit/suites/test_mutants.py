"""Three of the twelve mutants; `./dev run python -m tests.mutants` runs all."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.mutants.__main__ import ROOT
from tests.mutants.catalogue import MUTANTS, Mutant


def test_there_are_twelve_and_each_has_a_file() -> None:
    assert len({mutant.what for mutant in MUTANTS}) == 12


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_a_mutant_still_applies(mutant: Mutant) -> None:
    assert (ROOT / mutant.path).read_text(encoding="utf-8").count(mutant.old) == 1
    file, _, test = mutant.killer.partition("::")
    assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8")


def test_three_mutants_are_killed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants", "6", "9", "12"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 killed" in done.stdout
