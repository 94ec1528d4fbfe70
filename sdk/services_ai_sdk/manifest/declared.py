"""What a manifest declares that code is held against; read loosely, so that a mistake elsewhere hides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services_ai_sdk.manifest.positions import Located


@dataclass(frozen=True, slots=True)
class Declared:
    """What code may use.

    Attributes:
        permissions: By their index in the manifest.
        packages: As the manifest writes them.
        network: Whether any is asked for.
        located: For findings in the manifest.
    """

    located: Located
    permissions: dict[int, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    network: bool = False


def declared_of(located: Located | None) -> Declared | None:
    """None where nothing can be known: there is no manifest, or it is no JSON object."""
    raw: Any = located.value if located else None
    if located is None or not isinstance(raw, dict):
        return None
    permissions, dependencies = raw.get("permissions"), raw.get("dependencies")
    packages = dependencies.get("packages") if isinstance(dependencies, dict) else None
    return Declared(
        located=located,
        permissions={
            index: item
            for index, item in enumerate(permissions if isinstance(permissions, list) else [])
            if isinstance(item, str)
        },
        packages=tuple(packages) if isinstance(packages, dict) else (),
        network=raw.get("network", "none") not in ("none", [], None),
    )
