"""Which declared dependency brings which package into a layer, read from the wheels' own metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from packaging.markers import Environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


def brought_by(
    requires: Mapping[str, Sequence[str]], declared: Iterable[Requirement], environment: Environment
) -> dict[str, tuple[str, ...]]:
    """Of each package the declared dependencies through which it comes, itself among them when it is declared.

    Args:
        requires: `Requires-Dist` lines of every package in the layer, by normalised name.
        declared: What was asked for; when that is not known, whatever no other package asks for.
        environment: What markers see on the target.
    """
    parsed = {name: list(_parsed(lines)) for name, lines in requires.items()}
    roots = list(declared) or _unasked(parsed, environment)
    found: dict[str, set[str]] = {name: set() for name in requires}
    for root in roots:
        if not _applies(root, "", environment):
            continue
        origin = canonicalize_name(root.name)
        todo, seen = [root], set[tuple[str, str]]()
        while todo:
            wanted = todo.pop()
            name = canonicalize_name(wanted.name)
            for extra in ("", *map(canonicalize_name, wanted.extras)):
                if name not in parsed or (name, extra) in seen:
                    continue
                seen.add((name, extra))
                found[name].add(origin)
                todo += [each for each in parsed[name] if _applies(each, extra, environment)]
    return {name: tuple(sorted(origins)) for name, origins in found.items()}


def _unasked(parsed: Mapping[str, Sequence[Requirement]], environment: Environment) -> list[Requirement]:
    asked = {
        canonicalize_name(each.name)
        for lines in parsed.values()
        for each in lines
        if _applies(each, "", environment)
    }
    return [Requirement(name) for name in parsed if name not in asked]


def _parsed(lines: Iterable[str]) -> Iterable[Requirement]:
    for line in lines:
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue  # metadata from before PEP 508; uv resolved it, and a table can do without


def _applies(requirement: Requirement, extra: str, environment: Environment) -> bool:
    if requirement.marker is None:
        return True
    return requirement.marker.evaluate({**cast("dict[str, str]", environment), "extra": extra})
