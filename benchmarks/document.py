"""Puts a benchmark's table into docs/benchmarks.md, between its marks."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def write(text: str, name: str, python: str, command: str, document: Path = DOCUMENT) -> None:
    """Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`; adds it at the end where nothing does."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, Python {python}"
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    section = f"{start}\n`{command}` · {machine} · {day}\n\n```\n{text}\n```\n{end}"
    whole = document.read_text(encoding="utf-8")
    before, found, rest = whole.partition(start)
    after = rest.partition(end)[2] if found else ""
    document.write_text(
        before + section + after if found else f"{whole.rstrip()}\n\n{section}\n", encoding="utf-8"
    )
