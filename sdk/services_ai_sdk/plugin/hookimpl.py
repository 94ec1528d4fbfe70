"""The mark on a hook method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

Method = TypeVar("Method", bound=Callable[..., Any])

ATTRIBUTE = "services_ai_hookimpl"
PRIORITY_DEFAULT = 50


@overload
def hookimpl(method: Method, /) -> Method: ...
@overload
def hookimpl(
    *, priority: int | None = None, tryfirst: bool = False, trylast: bool = False, optionalhook: bool = False
) -> Callable[[Method], Method]: ...
def hookimpl(
    method: Method | None = None,
    /,
    *,
    priority: int | None = None,
    tryfirst: bool = False,
    trylast: bool = False,
    optionalhook: bool = False,  # noqa: ARG001 - pluggy's; a hook that is not in the catalogue is never called anyway
) -> Method | Callable[[Method], Method]:
    """Marks a method as a hook, with or without parentheses.

    Args:
        method: What is decorated.
        priority: 0 to 100; lower runs first. The order of plugins, not of hooks.
        tryfirst: pluggy's word for priority 0.
        trylast: pluggy's word for priority 100.
        optionalhook: Accepted for plugins written for pluggy; changes nothing.

    Raises:
        TypeError: The priority is not a whole number.
        ValueError: It is not between 0 and 100, or tryfirst and trylast are both set.
    """
    if priority is not None and type(priority) is not int:
        raise TypeError(f"priority must be a whole number, not {priority!r}")
    if tryfirst and trylast:
        raise ValueError("tryfirst and trylast cannot both be set")
    if priority is None:
        priority = 0 if tryfirst else 100 if trylast else PRIORITY_DEFAULT
    if not 0 <= priority <= 100:
        raise ValueError(f"priority must be from 0 to 100, not {priority}")

    def mark(target: Method) -> Method:
        setattr(target, ATTRIBUTE, {"priority": priority})
        return target

    return mark if method is None else mark(method)
