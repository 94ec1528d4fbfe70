"""Reading plain dicts from outside: one clear error for a missing or mistyped field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, overload

from services_ai_sdk.wire.errors import InvalidInputError

T = TypeVar("T")
_REQUIRED: Any = object()


def shallow(message: Any) -> dict[str, Any]:
    """A dataclass's fields by name. Unlike `dataclasses.asdict` it copies nothing: payloads may be large."""
    return {item.name: getattr(message, item.name) for item in fields(message)}


def as_object(value: Any, what: str) -> dict[str, Any]:
    """`value`, if it is a JSON object.

    Raises:
        InvalidInputError: It is not.
    """
    if not isinstance(value, dict):
        raise InvalidInputError(f"{what} must be a JSON object, not {type_name(value)}")
    return value


@overload
def field(source: Mapping[str, Any], name: str, kind: type[T], what: str) -> T: ...
@overload
def field(source: Mapping[str, Any], name: str, kind: type[T], what: str, default: T) -> T: ...
def field(source: Mapping[str, Any], name: str, kind: type[T], what: str, default: Any = _REQUIRED) -> T:
    """`source[name]`, checked to be of `kind`. An int is taken for a float; a bool is never a number.

    Raises:
        InvalidInputError: Missing without a default, or of another type.
    """
    value = source.get(name, default)
    if value is _REQUIRED:
        raise InvalidInputError(f"{what} has no {name!r}")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)  # type: ignore[return-value]
        except OverflowError:
            raise InvalidInputError(f"{name!r} of {what} is too large a number") from None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidInputError(f"{name!r} of {what} must be {_NAMES[kind]}, not {type_name(value)}")
    return value


_NAMES: dict[Any, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "an array",
}


def type_name(value: Any) -> str:
    """A JSON value's type as JSON calls it."""
    if value is None:
        return "null"
    for kind in (bool, int, float, str, dict, list):
        if isinstance(value, kind):
            return _NAMES[kind]
    return type(value).__name__
