"""Builds the folders that template.yaml names: `./dev build`, `python -m infra.build [--json]`.

`build/functions/<name>` and `build/runtime-layer`, from the lock and our sources. `sam deploy` and the local cloud
take the same folders, so that both run the same bytes. What has not changed is not built again.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.archive import digest_of, files_below, zip_folder
from infra.runtime_layer import build as runtime_layer
from services_ai_sdk.wire.errors import PlatformError

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = ("dispatcher", "recorder", "notifier")
PYTHON_VERSION = "3.11"
"""The oldest runtime the template allows: what installs for it runs on all of them (a test reads the wheels)."""

_RECIPE = "1"
"""Raise it when the way of building changes: nothing else then tells old folders from new ones."""

_LEFTOVERS = (".lock", "bin", "direct_url.json", "uv_cache.json", "INSTALLER", "REQUESTED", "RECORD")
"""What uv leaves beside the packages and nothing reads at run time; some of it differs from machine to machine."""

Progress = Callable[[str], None]


def _silent(line: str) -> None:
    del line


@dataclass(frozen=True, slots=True)
class Built:
    """One built folder.

    Attributes:
        folder: What template.yaml names.
        archive: The same as a zip, for whoever uploads it.
        digest: Of everything it was made from.
    """

    folder: Path
    archive: Path
    digest: str


def build(root: Path = ROOT, out: Path | None = None, progress: Progress = _silent) -> dict[str, Built]:
    """Builds what is missing or changed.

    Args:
        root: The repository.
        out: Where the folders go; `build/` of the repository by default.
        progress: Takes one line for a person per thing built.

    Returns:
        By folder as template.yaml names it: `build/functions/dispatcher`, …, `build/runtime-layer`.

    Raises:
        PlatformError: uv could not install the locked packages.
    """
    out = out or root / "build"
    out.mkdir(parents=True, exist_ok=True)
    sdk = root / "sdk" / "services_ai_sdk"
    lock = root / "locks" / "functions.txt"
    built: dict[str, Built] = {}
    with _locked(out / ".lock"):
        stamps = _Stamps(out / ".stamps.json")
        digest = digest_of(runtime_layer.sources(sdk), sdk, _RECIPE)
        layer = Built(out / "runtime-layer", out / ".zips" / "runtime-layer.zip", digest)
        if not stamps.fresh(layer):
            progress("building the runtime layer")
            with _replacing(layer.folder) as fresh:
                runtime_layer.build(sdk, fresh)
            stamps.done(layer)
        built["build/runtime-layer"] = layer
        for name in FUNCTIONS:
            sources = function_sources(root, name)
            digest = digest_of([lock, *sources], root, _RECIPE, PYTHON_VERSION)
            function = Built(out / "functions" / name, out / ".zips" / f"{name}.zip", digest)
            if not stamps.fresh(function):
                progress(f"building the {name} function")
                packages = _install_packages(lock, out, progress)
                with _replacing(function.folder) as fresh:
                    shutil.copytree(packages, fresh, dirs_exist_ok=True)
                    _copy_sources(root, sources, fresh)
                stamps.done(function)
            built[f"build/functions/{name}"] = function
    return built


def function_sources(root: Path, name: str) -> list[Path]:
    """Our files in one function: its own folder, the control plane without its CLI, the SDK's wire and hooks."""
    sdk = root / "sdk" / "services_ai_sdk"
    found = [root / "functions" / "__init__.py", *files_below(root / "functions" / name)]
    found += [path for path in files_below(root / "control_plane") if "cli" not in path.parts]
    found += [sdk / "__init__.py", *files_below(sdk / "wire"), *files_below(sdk / "hooks")]
    return sorted(path for path in found if path.suffix == ".py")


def _copy_sources(root: Path, sources: list[Path], target: Path) -> None:
    for path in sources:
        relative = path.relative_to(root)
        if relative.parts[0] == "sdk":
            relative = relative.relative_to("sdk")
        copy = target / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _install_packages(lock: Path, out: Path, progress: Progress) -> Path:
    """The locked packages, installed once for all functions."""
    from uv import find_uv_bin

    target = out / ".packages" / digest_of([lock], lock.parent, _RECIPE, PYTHON_VERSION)[:16]
    if target.is_dir():
        return target
    progress("installing the functions' packages from locks/functions.txt")
    with _replacing(target) as fresh:
        done = subprocess.run(
            [
                find_uv_bin(), "pip", "install", "--quiet", "--target", str(fresh),
                "--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-python-downloads",
                "--python", sys.executable, "--python-version", PYTHON_VERSION,
                "--python-platform", "x86_64-manylinux2014", "--link-mode", "copy", "-r", str(lock),
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise PlatformError(
                f"the functions' packages could not be installed: {done.stderr.strip()}",
                hint="check the network; uv reads its package index from UV_DEFAULT_INDEX",
            )
        for path in sorted(fresh.rglob("*"), reverse=True):
            if path.name in _LEFTOVERS or path.name == "__pycache__":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return target


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A fresh folder that takes the place of `folder` only when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        fresh = Path(scratch) / "new"
        fresh.mkdir()
        yield fresh
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        fresh.rename(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two builds at once take turns."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Stamps:
    """What each folder was made from."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._digests: dict[str, str] = json.loads(path.read_text())
        except (OSError, ValueError):
            self._digests = {}

    def fresh(self, built: Built) -> bool:
        """Whether it is there and made from the same."""
        there = built.folder.is_dir() and built.archive.is_file()
        return there and self._digests.get(built.folder.name) == built.digest

    def done(self, built: Built) -> None:
        """Zips the finished folder and remembers."""
        built.archive.parent.mkdir(exist_ok=True)
        scratch = built.archive.with_suffix(".new")
        scratch.write_bytes(zip_folder(built.folder))
        scratch.rename(built.archive)
        self._digests[built.folder.name] = built.digest
        self._path.write_text(json.dumps(self._digests, indent=2, sort_keys=True) + "\n")


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="./dev build", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="the folders, as one object on stdout")
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    try:
        built = build(progress=lambda line: print(f"· {line}", file=sys.stderr))  # noqa: T201
    except PlatformError as error:
        print(f"error: {error}\n  fix: {error.hint}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    if arguments.json:
        found = {name: {"folder": str(one.folder), "zip": str(one.archive)} for name, one in built.items()}
        print(json.dumps(found, indent=2))  # noqa: T201
    else:
        print(f"· built in {time.monotonic() - started:.1f} s: build/", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
