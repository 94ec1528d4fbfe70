"""A plugin's dependencies from spec to layer, behind one face."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, Self

from packaging.requirements import Requirement

from services_ai_sdk.bundler.cache import cache_folder
from services_ai_sdk.bundler.fetch import WheelStore
from services_ai_sdk.bundler.index_settings import IndexSettings
from services_ai_sdk.bundler.layer import BuiltLayer, LayerBuilder
from services_ai_sdk.bundler.layer_size import check_download
from services_ai_sdk.bundler.lock import LOCK_NAME, Lock, read_lock, satisfies
from services_ai_sdk.bundler.pythons import runtimes_here
from services_ai_sdk.bundler.resolve import Progress, Resolving, UvResolver, find_uv, resolve_first
from services_ai_sdk.bundler.survey import WheelSurvey
from services_ai_sdk.bundler.target import Target, target_for
from services_ai_sdk.manifest.package_spec import Packages
from services_ai_sdk.manifest.python import SUPPORTED
from services_ai_sdk.manifest.specs import package_name, requirements
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, PlatformError


class DependencyStatus(StrEnum):
    """How far one package has come."""

    PENDING = "pending"
    INSTALLED = "installed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PluginDependency:
    """The record of one package of one plugin.

    Attributes:
        spec: As the manifest says it; empty for a package that another one brought.
        version: Locked; empty while pending.
        size_bytes: Unzipped.
        reason: Why it failed.
    """

    plugin: str
    package: str
    spec: str
    version: str = ""
    size_bytes: int = 0
    license: str = ""
    import_names: tuple[str, ...] = ()
    status: DependencyStatus = DependencyStatus.PENDING
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "plugin": self.plugin,
            "package": self.package,
            "spec": self.spec,
            "version": self.version,
            "size_bytes": self.size_bytes,
            "license": self.license,
            "import_names": list(self.import_names),
            "status": str(self.status),
            "reason": self.reason,
        }


class DependencyManager:
    """Resolves, locks and builds.

    Args:
        resolver: Makes locks.
        layers: Makes layers.
        runtimes_here: Lambda runtimes that this machine can run, best first; asked only where a plugin names none.
        machine: The architecture to build for; this machine's when left out.
        progress: Takes what is going on, a line at a time.
    """

    def __init__(
        self,
        resolver: Resolving,
        layers: LayerBuilder,
        *,
        runtimes_here: Callable[[], Iterable[str]] = runtimes_here,
        machine: str | None = None,
        progress: Progress = lambda _: None,
    ) -> None:
        self._resolver = resolver
        self._layers = layers
        self._runtimes_here = runtimes_here
        self._machine = machine
        self._progress = progress

    @classmethod
    def from_environment(
        cls,
        progress: Progress = lambda _: None,
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """With uv, the person's own index settings, and the cache folder that the environment names.

        Raises:
            PlatformError: uv is not installed.
        """
        settings, folder = IndexSettings(environ), cache_folder(environ)
        layers = LayerBuilder(folder / "layers", WheelStore(folder / "wheels", settings))
        return cls(UvResolver(find_uv(), settings), layers, progress=progress)

    def targets(self, python: str | None) -> Iterator[Target]:
        """What to build for: the Python that was asked for, or all in order of preference.

        Raises:
            InvalidInputError: Lambda has no such runtime.
        """
        if python:
            yield target_for(python, self._machine)
            return
        tried: set[str] = set()
        for runtime in chain(self._runtimes_here(), SUPPORTED):
            if runtime not in tried:
                tried.add(runtime)
                yield target_for(runtime, self._machine)

    def resolve(self, packages: Packages, python: str | None = None, folder: Path | None = None) -> Lock:
        """The lock of a manifest's packages.

        Args:
            packages: `dependencies.packages`.
            python: The manifest's; None lets the first runtime win for which there is a lock.
            folder: Where a pylock.toml may lie that still answers.

        Raises:
            InvalidInputError: A bad name, spec or pylock.toml.
            FindingsError: Nothing fits together.
            PlatformError: uv or the index did not answer.
        """
        wanted = requirements(packages)
        if not wanted:
            return Lock(next(self.targets(python)), (), ())
        if folder is not None and (folder / LOCK_NAME).is_file():
            if kept := self._kept(folder / LOCK_NAME, wanted, self.targets(python)):
                return kept
            self._progress(f"{LOCK_NAME} does not answer dependencies.packages any more: resolving anew")
        names = ", ".join(requirement.name for requirement in wanted[:4]) + (", …" if len(wanted) > 4 else "")
        self._progress(f"resolving {names}")
        try:
            return resolve_first(self._resolver, wanted, self.targets(python), self._progress)
        except FindingsError as error:
            raise self._explained(error, wanted, python) from error

    def _explained(self, error: FindingsError, wanted: Sequence[Requirement], python: str | None) -> FindingsError:
        """With where there are wheels; the target that the error is about comes first."""
        targets = dict.fromkeys(
            [next(self.targets(python)), *(target_for(each, self._machine) for each in SUPPORTED)]
        )
        return WheelSurvey(self._resolver).explain(error, wanted, list(targets))

    def layer(self, lock: Lock) -> BuiltLayer | None:
        """The layer of a lock; None when it has no packages.

        Raises:
            FindingsError: Too large.
            InvalidInputError: An unsafe or changed wheel.
            PlatformError: A wheel could not be fetched.
        """
        if not lock.wheels:
            return None
        check_download(lock, lambda: self._requires(lock))
        return self._layers.build(lock, self._progress)

    def _requires(self, lock: Lock) -> Mapping[str, Sequence[str]]:
        try:
            return self._resolver.requires(lock.requirements or (), lock.target)
        except (FindingsError, PlatformError):
            return {}  # the size is what has to be told; this was only to help

    def rebuild(self, lock: Lock, target: Path) -> BuiltLayer:
        """The layer made anew from its wheels, whatever the cache has; for `verify`.

        Raises:
            FindingsError: As `layer`.
            InvalidInputError: As `layer`.
            PlatformError: As `layer`.
        """
        return self._layers.build_at(target, lock, self._progress)

    def _kept(self, path: Path, wanted: Sequence[Requirement], targets: Iterator[Target]) -> Lock | None:
        for target in targets:
            try:
                lock = read_lock(path, target)
            except InvalidInputError as error:
                if error.code != "lock-target":
                    raise
            else:
                if satisfies(lock, wanted):
                    return lock
        return None


def records(
    plugin: str, packages: Packages, lock: Lock | None, layer: BuiltLayer | None, failed: str = ""
) -> tuple[PluginDependency, ...]:
    """One record a package: those the manifest names first, then those that came along.

    Args:
        plugin: The plugin's id.
        packages: `dependencies.packages`.
        lock: None while nothing is resolved.
        layer: None while nothing is built.
        failed: Why it did not go on.
    """
    specs: dict[str, str] = {package_name(name): str(spec) for name, spec in packages.items()}
    versions = {wheel.name: wheel.version for wheel in lock.wheels} if lock else {}
    built = {package.name: package for package in layer.packages} if layer else {}
    status = DependencyStatus.FAILED if failed else DependencyStatus.PENDING
    made = []
    for name in [*sorted(specs), *sorted(set(versions) - set(specs))]:
        package = built.get(name)
        made.append(
            PluginDependency(
                plugin,
                name,
                specs.get(name, ""),
                versions.get(name, ""),
                package.size_bytes if package else 0,
                package.license if package else "",
                package.import_names if package else (),
                DependencyStatus.INSTALLED if package else status,
                "" if package else failed,
            )
        )
    return tuple(made)
