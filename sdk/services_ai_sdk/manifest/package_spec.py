"""The two ways in which a manifest writes one package: as text, or as an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

EXTRA_PATTERN = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"


class PackageSpec(BaseModel):
    """A package in the long form: `{"version": "^2", "extras": ["socks"], "markers": "python_version < '3.12'"}`.

    A field that is not known is an error here: an `extra` that nobody reads would be a package that is not there.

    Attributes:
        version: As the short form has it.
        extras: Optional parts of the package.
        markers: A PEP 508 marker; empty for always.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    extras: tuple[Annotated[str, StringConstraints(pattern=f"^{EXTRA_PATTERN}$", max_length=100)], ...] = Field(
        default=(), max_length=50
    )
    markers: str = ""

    def __str__(self) -> str:
        """As the short form has it; extras stand beside the name there."""
        return f"{self.version}; {self.markers}" if self.markers else self.version


def _form(raw: Any) -> str:
    return "object" if isinstance(raw, dict | PackageSpec) else "text"


Spec = Annotated[Annotated[str, Tag("text")] | Annotated[PackageSpec, Tag("object")], Discriminator(_form)]
"""One member of `dependencies.packages`. The discriminator keeps complaints to the form that was written."""

Packages = Mapping[str, str | PackageSpec]
"""`dependencies.packages`."""
