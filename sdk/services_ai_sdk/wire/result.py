"""What a plugin function answers when its hook returned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.fields import as_object, shallow
from services_ai_sdk.wire.fields import field as read

VERSION = 1


@dataclass(frozen=True, slots=True)
class Result:
    """A hook that returned.

    Attributes:
        value: What the hook returned, plain JSON.
        actions: Writes the plugin asks the host for, in order.
        duration_ms: The hook alone, without our wrapper.
        init_ms: Import of the plugin, on the first call of an environment; else 0.
        max_memory_mb: Highest resident memory of the process so far.
    """

    value: Any
    actions: list[dict[str, Any]] = field(default_factory=list)
    duration_ms: float = 0.0
    init_ms: float = 0.0
    max_memory_mb: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {"v": VERSION, "ok": True, **shallow(self)}

    @classmethod
    def from_dict(cls, raw: Any) -> Result:
        """Reads and checks an answer.

        Raises:
            InvalidInputError: It is no Result: another version, `ok` not true, a field of another type.
        """
        what = "the plugin's answer"
        source = as_object(raw, what)
        if source.get("v") != VERSION or source.get("ok") is not True or "value" not in source:
            raise InvalidInputError(f"{what} is not a result of version {VERSION}", code="response-error")
        return cls(
            value=source["value"],
            actions=[as_object(action, "an action") for action in read(source, "actions", list, what, [])],
            duration_ms=max(0.0, read(source, "duration_ms", float, what, 0.0)),
            init_ms=max(0.0, read(source, "init_ms", float, what, 0.0)),
            max_memory_mb=max(0.0, read(source, "max_memory_mb", float, what, 0.0)),
        )
