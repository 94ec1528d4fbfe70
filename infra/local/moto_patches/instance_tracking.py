"""moto keeps every object it ever made, for its reset.

Messages, log lines and stream records would never be freed, and a local cloud runs for days.
"""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Stops the tracking; nothing resets a local cloud's moto."""
    from moto.core.common_models import BaseModel

    def make(cls: type, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        return object.__new__(cls)

    BaseModel.__new__ = make  # type: ignore[method-assign]
