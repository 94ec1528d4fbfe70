"""`validate --fix`: what can be mended without deciding anything for the author."""

from __future__ import annotations

import os
from pathlib import Path

from services_ai_sdk.manifest.complete import check_folder
from services_ai_sdk.manifest.edits import apply
from services_ai_sdk.manifest.fix_code import code_edits
from services_ai_sdk.manifest.fix_manifest import manifest_edits
from services_ai_sdk.manifest.load import FILE_NAME, load_manifest
from services_ai_sdk.manifest.modules import Modules
from services_ai_sdk.wire.errors import InvalidInputError

PASSES_MAX = 3
"""One edit can make the next possible: an import of ours, then the base class that it brings."""


def fix(path: Path) -> list[str]:
    """Edits a plugin's folder.

    Returns:
        What was done, one a line; nothing the second time.

    Raises:
        InvalidInputError: `fix-zip`: a zip is not edited.
    """
    if not path.is_dir():
        raise InvalidInputError(
            f"{path} is not a folder: --fix edits files where they are, and leaves zips alone",
            code="fix-zip",
            hint="unpack it, run validate --fix on the folder, and zip its content: manifest.json at the top",
        )
    done = _unwrapped(path)
    root = path if (path / FILE_NAME).exists() else wrapping(path)
    for _ in range(PASSES_MAX if root else 0):
        assert root is not None
        again = _edited(root)
        done += again
        if not again:
            break
    return done


def wrapping(path: Path) -> Path | None:
    """The only folder inside that has manifest.json, where there is none at the top."""
    if not path.is_dir() or (path / FILE_NAME).exists():
        return None
    inside = [entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__"))]
    having = [entry for entry in inside if (entry / FILE_NAME).is_file()]
    return having[0] if len(having) == 1 and not having[0].is_symlink() else None


def _unwrapped(path: Path) -> list[str]:
    """Moves the plugin up out of a folder that has nothing else beside it."""
    inner = wrapping(path)
    if inner is None:
        return []
    beside = [entry.name for entry in path.iterdir() if entry != inner and not entry.name.startswith((".", "__"))]
    names = [entry.name for entry in inner.iterdir()]
    if beside or inner.name in names or any((path / name).exists() for name in names):
        return []
    for name in sorted(names):
        (inner / name).rename(path / name)
    os.rmdir(inner)  # noqa: PTH106 - only ever an empty one
    return [f"moved the plugin up out of {inner.name}/"]


def _edited(root: Path) -> list[str]:
    loaded = load_manifest(root)
    checked = check_folder(loaded, root)
    modules = Modules(root, loaded.manifest.python if loaded.manifest else None)
    edits = list(code_edits(modules, checked.findings))
    if loaded.located is not None:
        edits += manifest_edits(loaded.located, checked.hooks)
    return apply(root, dict.fromkeys(edits))
