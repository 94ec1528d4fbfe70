"""Refuses what Lambda would refuse for its size: before anything is downloaded where that can be known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement

from services_ai_sdk.bundler.lock import Lock
from services_ai_sdk.bundler.origins import brought_by
from services_ai_sdk.wire.errors import FindingsError
from services_ai_sdk.wire.limits import UNZIPPED_MAX_BYTES

_TABLE_ROWS = 8


@dataclass(frozen=True, slots=True)
class SizedPackage:
    """One package.

    Attributes:
        requires: What it needs itself, PEP 508.
    """

    name: str
    version: str
    size_bytes: int
    requires: tuple[str, ...] = ()


def check_size(packages: Sequence[SizedPackage], lock: Lock, other_bytes: int = 0) -> None:
    """Does nothing when the layer fits.

    Args:
        packages: What is in the layer, with their sizes unzipped.
        lock: What it was made from: says which packages were asked for.
        other_bytes: Unzipped size of the function's code.

    Raises:
        FindingsError: `layer-too-large`, with a table of the biggest packages and of what brings each.
    """
    total = sum(package.size_bytes for package in packages) + other_bytes
    if total > UNZIPPED_MAX_BYTES:
        code = f", with {other_bytes / 1e6:.1f} MB of the plugin's own files," if other_bytes else ""
        raise _too_large(f"the dependencies{code} unpack to {total / 1e6:.1f} MB", total, packages, lock)


def check_download(
    lock: Lock, requires: Callable[[], Mapping[str, Sequence[str]]] = dict[str, Sequence[str]]
) -> None:
    """The same by the sizes of the zipped wheels, as far as the index told them.

    Args:
        lock: What is to be downloaded.
        requires: What each package needs; asked only for the table.

    Raises:
        FindingsError: As `check_size`.
    """
    total = sum(wheel.size_bytes for wheel in lock.wheels)
    if total > UNZIPPED_MAX_BYTES:
        needs = requires()
        packages = [
            SizedPackage(wheel.name, wheel.version, wheel.size_bytes, tuple(needs.get(wheel.name, ())))
            for wheel in lock.wheels
        ]
        raise _too_large(f"the dependencies have {total / 1e6:.1f} MB while still zipped", total, packages, lock)


def _too_large(what: str, total: int, packages: Sequence[SizedPackage], lock: Lock) -> FindingsError:
    origins: dict[str, tuple[str, ...]] = {}
    if any(package.requires for package in packages) or lock.requirements is not None:
        declared = [Requirement(text) for text in lock.requirements or ()]
        needs = {package.name: package.requires for package in packages}
        origins = brought_by(needs, declared, lock.target.environment())
    biggest = sorted(packages, key=lambda package: (-package.size_bytes, package.name))[:_TABLE_ROWS]
    rows = "\n".join(
        f"  {package.size_bytes / 1e6:8.1f} MB  {f'{package.name} {package.version}':28}"
        f"  {_origin(package.name, origins.get(package.name, ()))}".rstrip()
        for package in biggest
    )
    return FindingsError(
        f"{what}; Lambda takes {UNZIPPED_MAX_BYTES / 1e6:.1f} MB unpacked. The biggest:\n{rows}",
        code="layer-too-large",
        hint="leave out the biggest package that the plugin can do without, or take a slimmer variant of it",
        details={
            "unzipped_bytes": total,
            "limit_bytes": UNZIPPED_MAX_BYTES,
            "packages": [
                {
                    "name": package.name,
                    "size_bytes": package.size_bytes,
                    "brought_by": list(origins.get(package.name, ())),
                }
                for package in biggest
            ],
        },
    )


def _origin(name: str, origins: Sequence[str]) -> str:
    others = ", ".join(origin for origin in origins if origin != name)
    if name in origins:
        return f"declared, and brought by {others}" if others else "declared"
    return f"brought by {others}" if others else ""
