"""What one hook is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What the host does with the answers.

    An event tells plugins that something happened. A host that waits for it gets every value that is not None,
    as with `collect`.
    """

    EVENT = "event"
    COLLECT = "collect"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a hook.

    Attributes:
        name: As the method must spell it.
        type: For people: `Lead`, `Context`. Every one of them is a JSON object.
        has: Fields that a host always sends; every other may be absent or null.
    """

    name: str
    type: str
    doc: str
    has: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HookSpec:
    """One hook of the catalogue.

    Attributes:
        parameters: In the order stubs list them; a method may take any of them, by name.
        returns: What the host makes of the value.
        sample_json: Realistic arguments, as JSON text, so that nobody can change them for others.
    """

    name: str
    kind: Kind
    summary: str
    parameters: tuple[Parameter, ...]
    returns: str
    sample_json: str = field(repr=False)

    @property
    def sample(self) -> dict[str, Any]:
        """Realistic arguments by name; a fresh copy each time."""
        args: dict[str, Any] = json.loads(self.sample_json)
        return args

    def parameter_names(self) -> tuple[str, ...]:
        """In catalogue order."""
        return tuple(parameter.name for parameter in self.parameters)
