"""The dependency layer: a lock's wheels, installed into one zip whose bytes depend on the lock alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from services_ai_sdk.bundler import cache
from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.bundler.fetch import WheelStore
from services_ai_sdk.bundler.layer_size import SizedPackage, check_download, check_size
from services_ai_sdk.bundler.lock import Lock
from services_ai_sdk.bundler.names import same_file_key
from services_ai_sdk.bundler.resolve import Progress
from services_ai_sdk.bundler.stdlib import part_of_python
from services_ai_sdk.bundler.wheel import Wheel
from services_ai_sdk.bundler.zipwriter import Item, write_zip
from services_ai_sdk.wire.errors import InvalidInputError

BUILDER_VERSION = 2
"""Rises whenever the same lock would give other bytes."""

ROOT = "python/"
"""Lambda puts /opt/python on sys.path (AWS Lambda Developer Guide, "Packaging your layer content")."""


@dataclass(frozen=True, slots=True)
class LayerPackage:
    """One package in a layer.

    Attributes:
        size_bytes: Unzipped.
        import_names: What can be imported from it.
        license: As it states it; empty when it does not.
        requires: Its own `Requires-Dist` lines.
    """

    name: str
    version: str
    size_bytes: int
    import_names: tuple[str, ...]
    license: str
    requires: tuple[str, ...] = ()

    def sized(self) -> SizedPackage:
        """What the check of the size needs."""
        return SizedPackage(self.name, self.version, self.size_bytes, self.requires)


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """A finished layer.

    Attributes:
        path: In the cache; copy it, do not move it.
        cached: It was there already.
        warnings: Files that two packages brought in different forms.
    """

    path: Path
    sha256: str
    size_bytes: int
    unzipped_bytes: int
    packages: tuple[LayerPackage, ...]
    warnings: tuple[str, ...] = ()
    cached: bool = False


class LayerBuilder:
    """Builds layers, and keeps them.

    Args:
        folder: Part of the cache, for finished layers.
        wheels: Where wheels come from.
    """

    def __init__(self, folder: Path, wheels: WheelStore) -> None:
        self._folder = folder
        self._wheels = wheels

    def build(self, lock: Lock, progress: Progress) -> BuiltLayer:
        """The layer of a lock that has packages.

        Raises:
            FindingsError: `layer-too-large`.
            InvalidInputError: A wheel is unsafe, broken, or not the one that was locked; or two collide.
            PlatformError: A wheel could not be fetched.
        """
        key = hashlib.sha256(f"{BUILDER_VERSION}\n{lock.digest}".encode()).hexdigest()
        target, facts = self._folder / f"{key}.zip", self._folder / f"{key}.json"
        if known := _read_facts(target, facts):
            return known
        built = self.build_at(target, lock, progress)
        cache.put(facts, [json.dumps({**asdict(built), "path": "", "cached": False}).encode()])
        return built

    def build_at(self, target: Path, lock: Lock, progress: Progress) -> BuiltLayer:
        """The same, made anew, whatever the cache has.

        Raises:
            FindingsError: As `build`.
            InvalidInputError: As `build`.
            PlatformError: As `build`.
        """
        check_download(lock)
        paths = self._wheels.fetch(lock.wheels, progress)
        wheels: list[Wheel] = []
        try:
            for locked in lock.wheels:
                wheels.append(Wheel(paths[locked.sha256], locked))  # noqa: PERF401 - the finally must see the open ones
            packages = tuple(
                LayerPackage(
                    wheel.locked.name,
                    wheel.locked.version,
                    wheel.size_bytes,
                    wheel.import_names(),
                    wheel.license,
                    wheel.requires,
                )
                for wheel in wheels
            )
            check_size([package.sized() for package in packages], lock)
            items, warnings = _items(wheels)
            warnings += [
                f"{package} brings {module}, which is part of Python: the plugin gets that one instead of Python's"
                for package, module in hidden_modules(packages, lock.target.python).items()
            ]
            progress(f"building the layer: {len(wheels)} packages, {len(items)} files")
            for wheel in wheels:
                wheel.archive.verify()
            made = write_zip(target, items)
        finally:
            for wheel in wheels:
                wheel.close()
        return BuiltLayer(target, made.sha256, made.size_bytes, made.unzipped_bytes, packages, tuple(warnings))


def hidden_modules(packages: Iterable[LayerPackage], python: str) -> dict[str, str]:
    """By package the module of Python's own that it would take the place of."""
    hidden = {
        package.name: next((name for name in package.import_names if part_of_python(name, python)), "")
        for package in packages
    }
    return {package: module for package, module in hidden.items() if module}


def check_layer(archive: Archive) -> None:
    """What must be true of any layer zip, whoever made it.

    Raises:
        InvalidInputError: `layer-invalid`: a file outside python/, one that hides the platform's modules or that
            Python runs at its start, or bytecode that hides its source.
    """
    for entry in archive.files():
        if not entry.name.startswith(ROOT):
            raise InvalidInputError(
                f"the layer has {entry.name!r}, which is not below {ROOT}",
                code="layer-invalid",
                details={"entry": entry.name},
            )
        top = entry.name.removeprefix(ROOT).split("/")[0].partition(".")[0]
        if top in ("sitecustomize", "usercustomize"):
            raise InvalidInputError(
                f"the layer has {entry.name!r}, which Python may run whenever it starts",
                code="layer-invalid",
                details={"entry": entry.name},
            )
        if top == "services_ai_sdk":
            raise InvalidInputError(
                "the layer has services_ai_sdk in it, which the platform brings",
                code="layer-invalid",
                details={"entry": entry.name},
            )
        if "__pycache__" in entry.name.split("/") or (
            entry.name.endswith(".pyc") and archive.get(entry.name[:-1]) is not None
        ):
            raise InvalidInputError(
                f"the layer has compiled bytecode, which can differ from its source: {entry.name!r}",
                code="layer-invalid",
                details={"entry": entry.name},
            )


def _items(wheels: Iterable[Wheel]) -> tuple[list[Item], list[str]]:
    """All files; where two packages bring one path in different forms, that of the first by name stays."""
    taken: dict[str, tuple[Wheel, int, str]] = {}
    items: list[Item] = []
    warnings: list[str] = []
    for wheel in wheels:
        for file in wheel.files:
            key = same_file_key(file.path)
            if known := taken.get(key):
                _meet(known, wheel, file.path, file.crc32, warnings)
                continue
            taken[key] = (wheel, file.crc32, file.path)
            source = file.content if file.content is not None else (wheel.archive, file.entry)
            items.append(Item(ROOT + file.path, source, file.entry.executable))
    return items, warnings


def _meet(known: tuple[Wheel, int, str], wheel: Wheel, path: str, crc32: int, warnings: list[str]) -> None:
    first = known[0].locked.name
    if known[2] != path:
        raise InvalidInputError(
            f"{first} has {known[2]!r} and {wheel.locked.name} has {path!r}: they differ only in case",
            code="layer-collision",
            hint="the two packages cannot stand in one layer",
        )
    if known[1] != crc32:
        warnings.append(f"{first} and {wheel.locked.name} both bring {path}; that of {first} is used")


def _read_facts(layer: Path, facts: Path) -> BuiltLayer | None:
    """A finished layer of the cache; None when it is not there, or not whole."""
    try:
        raw: dict[str, Any] = json.loads(facts.read_bytes())
        built = BuiltLayer(**raw)
        if layer.stat().st_size != built.size_bytes:
            return None
        packages = tuple(
            LayerPackage(**{**one, "import_names": tuple(one["import_names"]), "requires": tuple(one["requires"])})
            for one in raw["packages"]
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return replace(built, path=layer, packages=packages, warnings=tuple(raw["warnings"]), cached=True)
