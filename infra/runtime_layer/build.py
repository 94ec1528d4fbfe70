"""Builds the runtime layer's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from services_ai_sdk.bundler.runtime_layer import runtime_files as sources

__all__ = ["build", "sources"]


def build(sdk: Path, target: Path) -> None:
    """Lays the layer out in `target`: Lambda unpacks it into `/opt`, where `python/` is on `sys.path`."""
    for path in sources(sdk):
        copy = target / "python" / "services_ai_sdk" / path.relative_to(sdk)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
