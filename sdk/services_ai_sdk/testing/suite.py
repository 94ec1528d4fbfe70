"""Runs a plugin's own tests with pytest, against its dependencies as they were built."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services_ai_sdk.bundler.archive import Archive

if TYPE_CHECKING:
    from services_ai_sdk.bundler.package import BuiltPackage

_NO_TESTS = 5
"""pytest's exit code where it found none (pytest, "Exit codes")."""
_FOLDERS = ("tests", "test")


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """What became of the plugin's own tests.

    Attributes:
        ok: None where they did not run.
        text: pytest's output, or why it did not run.
    """

    ok: bool | None
    text: str


def run_suite(
    folder: Path,
    built: BuiltPackage,
    workspace: Path,
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> SuiteRun:
    """Runs `tests/` under this Python.

    The plugin's packages come from the built layer, before those of this environment, so that the suite sees what
    production will. It runs outside the sandbox: it is the author's own code, on the author's own machine.

    Args:
        folder: The plugin's folder.
        built: What `package` made of it.
        workspace: Where the layer is unpacked.
        arguments: Further ones for pytest.
        environ: What pytest sees.
    """
    found = [name for name in _FOLDERS if (folder / name).is_dir()]
    if not found:
        return SuiteRun(None, "there is no tests/ folder")
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if built.layer and built.manifest.python != here:
        return SuiteRun(
            None,
            f"the packages are built for {built.manifest.python} and this is {here}: "
            f'install the SDK under {built.manifest.python}, or set "python": "{here}"',
        )
    paths = [str(folder)]
    if built.layer:
        with Archive(built.layer) as archive:
            archive.extract(workspace / "layer")
        paths.append(str(workspace / "layer" / "python"))
    inherited = environ.get("PYTHONPATH")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, *found],
        cwd=folder,
        env={
            **environ,
            "PYTHONPATH": os.pathsep.join([*paths, *([inherited] if inherited else [])]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    text = (done.stdout + done.stderr).strip()
    if done.returncode == _NO_TESTS:
        return SuiteRun(None, "tests/ has no tests")
    return SuiteRun(done.returncode == 0, text)
