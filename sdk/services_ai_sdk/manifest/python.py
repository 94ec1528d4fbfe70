"""The Pythons that a plugin can ask for."""

from __future__ import annotations

import re

from services_ai_sdk.wire.errors import InvalidInputError

SUPPORTED = ("python3.11", "python3.12", "python3.13", "python3.14")
"""Lambda runtimes that our runtime layer runs on, oldest first (AWS Lambda Developer Guide, "Lambda runtimes")."""

_FORM = re.compile(r"(?:python)?(3\.\d{1,2})(?:\.\d{1,3})?")


def runtime_name(text: str) -> str:
    """`python3.12` for `python3.12`, `3.12` or `3.12.4`.

    Raises:
        InvalidInputError: No such form, or a Python that Lambda or our runtime layer does not have.
    """
    found = _FORM.fullmatch(text.strip().lower()) if len(text) < 50 else None
    name = f"python{found[1]}" if found else ""
    if name not in SUPPORTED:
        raise InvalidInputError(
            f"{text[:50]!r} is no Python that plugins run on",
            code="python-unsupported",
            hint=f"use one of {', '.join(SUPPORTED)}, or leave 'python' out: the first that fits is taken",
        )
    return name
