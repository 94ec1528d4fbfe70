"""Hook arguments as plugin code sees them: dicts that also answer to attributes."""

from __future__ import annotations

from typing import Any


class Payload(dict[str, Any]):
    """`lead["email"]` and `lead.email` are the same, at any depth; JSON sees a plain dict.

    A key that is also a method of dict (`items`, `keys`, `values`, `get`, `copy` …) is reached with brackets only.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            known = ", ".join(sorted(map(str, self))[:30])
            raise AttributeError(f"there is no {name!r} here; there is: {known or 'nothing'}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"there is no {name!r} here") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(key for key in self if key.isidentifier())]


def wrap(value: Any) -> Any:
    """Plain JSON with every object in it as a `Payload`; a copy, at any depth without recursion."""
    holder: list[Any] = [value]
    waiting: list[dict[Any, Any] | list[Any]] = [holder]
    while waiting:
        container = waiting.pop()
        pairs = list(container.items()) if isinstance(container, dict) else list(enumerate(container))
        for key, item in pairs:
            if isinstance(item, dict):
                copy: dict[Any, Any] | list[Any] = Payload(item)
            elif isinstance(item, list):
                copy = list(item)
            else:
                continue
            container[key] = copy
            waiting.append(copy)
    return holder[0]
