"""Builds the runtime layer's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.archive import files_below

PARTS = ("__init__.py", "wire", "plugin", "hooks")
"""Of `services_ai_sdk`: all that a plugin's process carries of ours. Standard library only; every import of it is
cold-start time of every plugin."""


def sources(sdk: Path) -> list[Path]:
    """The files that go into the layer.

    Args:
        sdk: The folder `services_ai_sdk`.
    """
    found: list[Path] = []
    for part in PARTS:
        path = sdk / part
        found += files_below(path) if path.is_dir() else [path]
    return [path for path in found if path.suffix == ".py"]


def build(sdk: Path, target: Path) -> None:
    """Lays the layer out in `target`: Lambda unpacks it into `/opt`, where `python/` is on `sys.path`."""
    for path in sources(sdk):
        copy = target / "python" / "services_ai_sdk" / path.relative_to(sdk)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
