"""Edits of manifest.json that change how something is written, and nothing of what it means."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from services_ai_sdk.hooks.catalogue import names
from services_ai_sdk.hooks.nearest import nearest
from services_ai_sdk.manifest.edits import Edit
from services_ai_sdk.manifest.load import FILE_NAME
from services_ai_sdk.manifest.positions import Located, Path
from services_ai_sdk.manifest.settings import LOOSE_TYPES, loose_default

_MEANS_MORE = frozenset({"password"})
"""Loose types that say more than the type that they stand for."""


def manifest_edits(located: Located, implemented: Iterable[str]) -> Iterator[Edit]:
    """Hooks by the names that they have here, and settings with types and defaults as they are here.

    Args:
        located: The manifest as read; nothing is edited where a key appears twice.
        implemented: Hooks of the catalogue that the plugin's class has.
    """
    raw: Any = located.value
    if not isinstance(raw, dict) or located.broken or located.problems:
        return
    yield from _hooks(located, raw.get("hooks"), list(implemented))
    settings = raw.get("settings")
    members: Iterable[tuple[Any, Any]] = ()
    if isinstance(settings, dict):
        members = settings.items()
    elif isinstance(settings, list):
        members = enumerate(settings)
    for key, setting in members:
        if isinstance(setting, dict):
            yield from _setting(located, ("settings", key), setting)


def _hooks(located: Located, hooks: Any, implemented: list[str]) -> Iterator[Edit]:
    if not isinstance(hooks, list) or not hooks:
        return
    listed: set[str] = set()
    for index, hook in enumerate(hooks):
        name = hook.get("name") if isinstance(hook, dict) else hook
        path: Path = ("hooks", index, "name") if isinstance(hook, dict) else ("hooks", index)
        if not isinstance(name, str):
            return  # no list of hooks at all: what should stand in it nobody knows
        # Only another way of writing the same name, like onLeadCreated: what is misspelt is for the author.
        meant = nearest(name, names(), cutoff=1.0)
        if meant and meant != name:
            yield _replaced(located, path, meant, f"the hook {name!r} is written {meant!r}")
        listed.add(meant or name)
    _, end = located.values[("hooks", len(hooks) - 1)]
    for name in sorted(set(implemented) - listed):
        yield Edit(FILE_NAME, end, end, f', "{name}"', f"the hook {name!r} is listed, as the class has it")


def _setting(located: Located, path: Path, setting: dict[str, Any]) -> Iterator[Edit]:
    kind = setting.get("type", "string")
    if not isinstance(kind, str):
        return
    strict = LOOSE_TYPES.get(kind, kind)
    label = path[-1] if isinstance(path[-1], str) else setting.get("name") or setting.get("key") or path[-1]
    if strict != kind and kind not in _MEANS_MORE:
        yield _replaced(located, (*path, "type"), strict, f"the setting {label!r} has the type {strict!r}")
    given = setting.get("default")
    default = loose_default(strict, given)
    if isinstance(given, str) and default != given and math.isfinite(default):
        words = f"the default of {label!r} is {json.dumps(default)}"
        yield _replaced(located, (*path, "default"), default, words)


def _replaced(located: Located, path: Path, value: Any, words: str) -> Edit:
    start, end = located.values[path]
    return Edit(FILE_NAME, start, end, json.dumps(value), words)
