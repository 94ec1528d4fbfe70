"""Settings by their types: from the text an admin gives to a value, and from values to what a plugin gets."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from services_ai_sdk.wire.errors import InvalidInputError

VALUE_MAX_CHARS = 4000
NUMBER_MAX_CHARS = 50
"""Python reads no number of thousands of digits without being told to."""
SECRET_MAX_CHARS = 60_000
"""Secrets Manager takes 65,536 bytes."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def typed(name: str, setting: Mapping[str, Any], text: str) -> str | int | float | bool:
    """The value that a text means.

    Args:
        name: Of the setting.
        setting: As the manifest has it.
        text: As given.

    Raises:
        InvalidInputError: It is not of the setting's type.
    """
    kind = setting.get("type", "string")
    if len(text) > (SECRET_MAX_CHARS if setting.get("secret") else VALUE_MAX_CHARS):
        raise _wrong(name, f"it has {len(text):,} characters", "give a shorter one")
    value: str | int | float | bool | None = text
    if kind == "boolean":
        value = _BOOLEANS.get(text.strip().lower())
    elif kind in ("integer", "number"):
        value = _number(kind, text.strip())
    if value is None or not fits(setting, value):
        raise _wrong(name, *_wanted(setting, text))
    return value


def fits(setting: Mapping[str, Any], value: Any) -> bool:
    """Whether a value is of the setting's type: one set for an earlier version may not be."""
    kind = setting.get("type", "string")
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (kind == "number" and isinstance(value, float) and math.isfinite(value))
    options = setting.get("options") or ()
    return isinstance(value, str) and (kind != "select" or not options or value in options)


def for_plugin(
    declared: Mapping[str, Mapping[str, Any]],
    values: Mapping[str, Any],
    secrets: Mapping[str, int],
    secrets_path: str,
) -> dict[str, Any]:
    """What travels in the envelope: values, defaults, and of a secret its name in Secrets Manager.

    Args:
        declared: The manifest's settings.
        values: That were set.
        secrets: Names of secret ones that were set.
        secrets_path: Below which they are kept.
    """
    found: dict[str, Any] = {}
    for name, setting in declared.items():
        if setting.get("secret"):
            found[name] = {"secret": f"{secrets_path}{name}"} if name in secrets else None
        else:
            found[name] = (
                values[name] if name in values and fits(setting, values[name]) else setting.get("default")
            )
    return found


def secret_name(name: str) -> str:
    """The setting's name as the last part of a secret's.

    Raises:
        InvalidInputError: It cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"the secret setting {name[:100]!r} cannot be kept: its name is not letters, digits, _ . and -",
            hint="have the author name it so",
        )
    return name


def _number(kind: str, text: str) -> int | float | None:
    if len(text) > NUMBER_MAX_CHARS:
        return None
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        return None


def _wanted(setting: Mapping[str, Any], text: str) -> tuple[str, str]:
    kind = setting.get("type", "string")
    shown = "what was given" if setting.get("secret") else repr(text[:60])
    if kind == "select":
        return f"{shown} is none of its options", f"one of {', '.join(setting.get('options') or ())}"
    words = {"boolean": "true or false", "integer": "a whole number", "number": "a number", "string": "text"}
    return f"{shown} is not {words[kind]}", f"it takes {words[kind]}"


def _wrong(name: str, what: str, hint: str) -> InvalidInputError:
    return InvalidInputError(f"the setting {name!r}: {what}", code="setting-invalid", hint=hint)
