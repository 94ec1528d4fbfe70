"""A plugin's settings: what an admin can set, and of which type."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SettingType = Literal["string", "integer", "number", "boolean", "select"]

LOOSE_TYPES: dict[str, SettingType] = {
    "text": "string",
    "textarea": "string",
    "password": "string",
    "email": "string",
    "url": "string",
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "checkbox": "boolean",
    "choice": "select",
}
"""What plugins of in-process hosts write, and what it means here."""

_TEXT_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "on": True, "off": False, "": False}


class Setting(BaseModel):
    """One setting.

    Attributes:
        type: Of its value.
        label: As an admin sees it.
        description: What it does, for admins.
        default: Of the setting's type; None when an admin must set it or the plugin can do without.
        required: Whether the plugin cannot do without.
        secret: The value lives in the plugin's secret store and travels by name only.
        options: What a select offers.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: SettingType = "string"
    label: str = Field(default="", max_length=200)
    description: str = Field(default="", max_length=2000)
    default: str | int | float | bool | None = None
    required: bool = False
    secret: bool = False
    options: tuple[str, ...] = Field(default=(), max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _loose(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        given = dict(raw)
        if given.get("type") == "password":
            given.setdefault("secret", True)
        if isinstance(kind := given.get("type"), str):
            given["type"] = LOOSE_TYPES.get(kind, kind)
        given["default"] = loose_default(given.get("type", "string"), given.get("default"))
        if isinstance(options := given.get("options"), list):
            given["options"] = [_option(option) for option in options]
        return given

    @model_validator(mode="after")
    def _default_fits(self) -> Setting:
        value = self.default
        if value is None:
            return self
        if self.secret:
            raise ValueError("a secret has no default: whatever stands in the manifest is not secret")
        fits = {
            "string": isinstance(value, str),
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "number": isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
            "boolean": isinstance(value, bool),
            "select": not self.options or value in self.options,
        }[self.type]
        if not fits:
            wanted = f"one of {', '.join(self.options)}" if self.type == "select" else f"of type {self.type}"
            raise ValueError(f"the default {value!r} is not {wanted}")
        return self


def loose_default(kind: Any, value: Any) -> Any:
    """A default written as text, read as its type says: `"true"` of a checkbox, `"30"` of a number."""
    if not isinstance(value, str):
        return value
    if kind == "boolean":
        return _TEXT_BOOLEANS.get(value.strip().lower(), value)
    if kind in ("integer", "number"):
        try:
            return int(value[:50]) if kind == "integer" else float(value[:50])
        except ValueError:
            return value
    return value


def _option(option: Any) -> Any:
    """An option may come as text, or with its label as `{"value": …}` or a pair."""
    if isinstance(option, dict):
        return option.get("value", option)
    if isinstance(option, list) and len(option) == 2:
        return option[0]
    return option
