"""Pydantic's complaints in words that an author can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services_ai_sdk.wire.fields import type_name

_FIXES: dict[tuple[str | int, ...], str] = {
    ("name",): 'add "name": "Phone normalizer"',
    ("version",): '"version": "1.0.0": digits first, then letters, digits and . + -',
    ("description",): 'add "description": one sentence on what it does, for admins',
    ("author",): 'add "author": the person or company behind it',
    ("email",): '"email": "you@example.com": where admins reach you',
    ("id",): "lower-case letters, digits and single dashes, at most 40: phone-normalizer",
    ("entry_point",): '"entry_point": "main.py"',
    ("permissions",): '"permissions": ["read_leads"]',
    ("hooks",): '"hooks": ["lead_created"], or leave it out: the class says it',
    ("network",): '"network": "none", "internet", or ["api.example.com"]',
    ("dependencies",): '"dependencies": {"packages": {"requests": ">=2.28.0"}}',
    ("dependencies", "packages"): '"packages": {"requests": ">=2.28.0"}',
}

_KINDS = {
    "string_type": "text in double quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "an array",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def dotted(path: tuple[str | int, ...]) -> str:
    """`hooks[0].name`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:60]}" if text else part[:60]
    return text


def message_of(path: tuple[str | int, ...], detail: Mapping[str, Any]) -> str:
    """What is wrong with the field at `path`.

    Args:
        path: Where in the manifest.
        detail: One of `ValidationError.errors()`.
    """
    kind, context, field = detail["type"], detail.get("ctx", {}), dotted(path) or "the manifest"
    if kind == "missing":
        return f"{field!r} is missing"
    if kind == "value_error":
        return f"{field!r}: {context.get('error', detail['msg'])}"
    if kind in _KINDS:
        return f"{field!r} must be {_KINDS[kind]}, not {type_name(detail['input'])}"
    if kind == "string_pattern_mismatch":
        return f"{field!r} cannot be {_shown(detail['input'])}"
    if kind in ("string_too_short", "string_too_long"):
        length = len(detail["input"]) if isinstance(detail["input"], str) else 0
        bound = (
            "is empty"
            if kind == "string_too_short"
            else f"has {length} characters of at most {context['max_length']}"
        )
        return f"{field!r} {bound}"
    if kind in ("less_than_equal", "greater_than_equal"):
        bound = f"at most {context['le']}" if "le" in context else f"at least {context['ge']}"
        return f"{field!r} must be {bound}, not {_shown(detail['input'])}"
    if kind == "literal_error":
        return f"{field!r} must be {context['expected']}, not {_shown(detail['input'])}"
    return f"{field!r}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def fix_of(path: tuple[str | int, ...], detail: Mapping[str, Any]) -> str:
    """The edit that mends it, where there is a usual one."""
    fix = _FIXES.get(path) or _FIXES.get(path[:1], "")
    if fix:
        return fix
    return f"change {dotted(path)!r}" if detail["type"] == "missing" else ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
