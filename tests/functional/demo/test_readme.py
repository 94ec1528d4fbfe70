"""The README's printed output and its tour are what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MASKS = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "WHEN"),
    (r"-[0-9a-f]{12}\b", "-DIGEST"),
    (r"[0-9a-f]{32}", "DIGEST"),
    (r" +\d+\.\d ms", " N ms"),
    (r"python3\.\d+", "python3.N"),
    (r"auto_disabled +\d.*", "auto_disabled …"),
    (r" {2,}", "  "),
)
"""What differs from run to run: times, durations, digests, the Python that is here."""


def masked(line: str) -> str:
    for pattern, word in MASKS:
        line = re.sub(pattern, word, line)
    return line.strip()


def block(marker: str) -> str:
    match = re.search(rf"<!-- {marker}.*?-->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert match, f"the README has no block marked {marker!r}"
    return match[1]


def test_the_readmes_output_is_what_the_demo_prints(examples: dict[str, Any]) -> None:
    printed = [masked(line) for line in examples["screen"].splitlines()]
    promised = [masked(line) for line in block("demo output").splitlines() if line.strip() not in ("", "…")]
    assert len(promised) > 25
    at = 0
    for line in promised:
        start = line.removesuffix("…").rstrip()
        matching = [number for number in range(at, len(printed)) if printed[number].startswith(start)]
        assert matching, f"the demo did not print, after line {at}: {line}"
        at = matching[0] + 1


def test_a_line_that_the_demo_does_not_print_would_be_noticed(examples: dict[str, Any]) -> None:
    printed = [masked(line) for line in examples["screen"].splitlines()]
    assert masked("   ✗ territory-router        8.7 ms  KeyError: 'ZZ'") not in printed


def test_the_readmes_tour_works(examples: dict[str, Any], demo: Any, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{demo.environment['PATH']}"
    environment = {key: value for key, value in demo.environment.items() if not key.startswith("AWS_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block("tour")],
        check=False,
        cwd=tmp_path,
        env={**environment, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "greeter ok {'greeting': 'Hello, Ada Obi!'}" in done.stdout
    assert "+442079460018" in done.stdout, "the example deployed by the demo answers beside it"
    assert "Nothing was changed (--dry-run)." in done.stdout
    assert re.search(r"lead_created\s+success", done.stdout), "logs shows the call"
