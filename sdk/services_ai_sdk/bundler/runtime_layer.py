"""The runtime layer: what a plugin's process carries of ours, as files and as a zip."""

from __future__ import annotations

from pathlib import Path

from services_ai_sdk.bundler.layer import ROOT
from services_ai_sdk.bundler.zipwriter import Item, ZipFacts, write_zip

PARTS = ("__init__.py", "wire", "plugin", "hooks")
"""Of `services_ai_sdk`. Standard library only; every import of it is cold-start time of every plugin."""

SDK = Path(__file__).resolve().parents[1]


def runtime_files(sdk: Path = SDK) -> list[Path]:
    """The files that go into the layer, sorted.

    Args:
        sdk: The folder `services_ai_sdk`.
    """
    found: list[Path] = []
    for part in PARTS:
        path = sdk / part
        found += path.rglob("*.py") if path.is_dir() else [path]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def write_runtime_layer(target: Path, more: dict[str, bytes] | None = None) -> ZipFacts:
    """Writes the layer's zip from the SDK that is running.

    Args:
        target: The file.
        more: Further modules beside ours, content by path.
    """
    items = [Item(f"{ROOT}services_ai_sdk/{path.relative_to(SDK).as_posix()}", path) for path in runtime_files()]
    items += [Item(ROOT + name, content) for name, content in (more or {}).items()]
    return write_zip(target, items)
