"""Which of two versions of a plugin is the later one; the recorder carries no library for it."""

from __future__ import annotations

import re

_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)")
_PARTS = re.compile(r"\d+|[a-z]+")
_EARLY = {"dev": -4, "a": -3, "alpha": -3, "b": -2, "beta": -2, "c": -1, "rc": -1, "pre": -1, "preview": -1}
_RELEASED = ((0, 0, ""),)

Order = tuple[tuple[int, ...], tuple[tuple[int, int, str], ...]]


def order(version: str) -> Order:
    """Sorts as versions do: by number, a pre-release before its release, a build or post-release after it."""
    text = version.lower()
    found = _RELEASE.match(text)
    release = [int(number) for number in found[1].split(".")] if found else []
    while release and release[-1] == 0:
        release.pop()
    rest = _PARTS.findall(text[found.end() :] if found else text)
    return tuple(release), tuple(map(_rank, rest)) or _RELEASED


def at_least(version: str, other: str) -> bool:
    """Whether `version` is `other` or a later one."""
    return order(version) >= order(other)


def _rank(part: str) -> tuple[int, int, str]:
    if part.isdigit():
        return 1, int(part), ""
    return (_EARLY[part], 0, "") if part in _EARLY else (1, 0, part)
