"""Arguments that hosts send sooner or later: made from a hook's sample, each with a name that says what is odd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from services_ai_sdk.hooks.spec import HookSpec

KEPT = frozenset({"id", "tenant"})
"""Fields that every record has."""

_ODD_TEXT = "Zoë  O'Brien-Łukasz 🦊 \u202eabc\u202c <b>&\"'\\ \n\t 你好"
_LONG_TEXT = "word " * 4000


def edge_payloads(hook: HookSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and arguments of each; the sample itself comes first, as `sample`."""
    yield "sample", hook.sample
    for name, change in _CHANGES:
        yield name, {key: change(value) for key, value in hook.sample.items()}


def _mapped(value: Any, of: Callable[[str, Any], Any]) -> Any:
    """A copy of an object with each field but the kept ones replaced; objects inside are gone through too."""
    if not isinstance(value, dict):
        return value
    return {
        key: item
        if key in KEPT
        else (_mapped(item, of) if isinstance(item, dict) and key != "changes" else of(key, item))
        for key, item in value.items()
    }


def _only_kept(value: Any) -> Any:
    return {key: item for key, item in value.items() if key in KEPT}


def _nulls(value: Any) -> Any:
    return _mapped(value, lambda _key, _item: None)


def _empty(value: Any) -> Any:
    return _mapped(value, lambda _key, item: type(item)() if isinstance(item, str | list | dict) else item)


def _odd_text(value: Any) -> Any:
    return _mapped(value, lambda _key, item: _ODD_TEXT if isinstance(item, str) else item)


def _long_text(value: Any) -> Any:
    return _mapped(value, lambda _key, item: _LONG_TEXT if isinstance(item, str) else item)


def _more_fields(value: Any) -> Any:
    return {**value, "a_field_of_next_year": {"nested": [1, 2.5, None]}}


_CHANGES: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("optional fields absent", _only_kept),
    ("optional fields null", _nulls),
    ("empty texts and lists", _empty),
    ("names in many scripts, emoji, markup", _odd_text),
    ("texts of 20,000 characters", _long_text),
    ("fields that are new", _more_fields),
)
