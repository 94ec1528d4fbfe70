"""`./dev run python -m tests.mutants`: breaks a copy of the code in twelve ways; each way's test must notice.

A mutant that no longer applies, or whose test passes, ends it with 1. Each test runs on the copy as it is, too:
one that fails there would kill anything.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutants.catalogue import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("control_plane", "functions", "tests/contract/control_plane", "tests/mutants", "tests/conftest.py")


def main(argv: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("numbers", nargs="*", type=int, help="only these (from 1); all without any")
    numbers = parser.parse_args(argv).numbers or range(1, len(MUTANTS) + 1)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder)
        for name in COPIED:
            source, target = ROOT / name, tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        (tree / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n', encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "tests.mutants.inside", *map(str, numbers)],
            cwd=tree,
            check=False,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": folder, "HOME": folder, "PYTHONDONTWRITEBYTECODE": "1"},
        ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
