"""What is said of a plugin that is not there, by every command alike."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from services_ai_sdk.wire.errors import InvalidInputError

NAMED_MAX = 20


def unknown_plugin(plugin_id: str, known: Sequence[str]) -> InvalidInputError:
    """The error, which names those that are there."""
    return InvalidInputError(
        f"there is no plugin {plugin_id[:100]!r}", code="plugin-unknown", hint=_suggestion(plugin_id, known)
    )


def _suggestion(plugin_id: str, known: Sequence[str]) -> str:
    if not known:
        return "none is deployed: services-ai-admin approve"
    close = get_close_matches(plugin_id, known, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{meant}The plugins are {', '.join(known[:NAMED_MAX])}{' …' if len(known) > NAMED_MAX else ''}"
