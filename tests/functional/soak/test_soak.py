"""The soak's short form: a minute of functions that hang, leak, die and flood, in a local cloud of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_every_call_is_answered_and_nothing_is_left() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--seconds", "60", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seen = json.loads(done.stdout)
    assert seen["problems"] == []
    assert done.returncode == 0
    assert seen["calls"] > 50
    assert {"dies Runtime.ExitError", "hangs Sandbox.Timedout", "leaks Runtime.OutOfMemory"} & set(
        seen["outcomes"]
    )
