"""`^1 || ^2`: PEP 508 has no "or", but ranges that touch or overlap are one range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version


@dataclass(frozen=True, slots=True)
class _Range:
    """From `low` (None: from the first) up to `high` (None: without end), which belongs to it when `closed`."""

    low: Version | None
    high: Version | None
    closed: bool = False


def one_range(alternatives: Sequence[SpecifierSet]) -> tuple[str, bool]:
    """The range from the first to the last version of several sets.

    Returns:
        PEP 440 clauses, and whether they mean the same as the alternatives: whether nothing lies between.
    """
    found = [_range(each) for each in alternatives]
    ranges = sorted(
        (each for each in found if each is not None),
        key=lambda each: (each.low is not None, each.low or Version("0")),
    )
    if not ranges:
        return "", False
    exact = len(ranges) == len(alternatives)
    whole = ranges[0]
    for each in ranges[1:]:
        if whole.high is not None and each.low is not None and each.low > whole.high:
            exact = False
        whole = _Range(whole.low, *_later(whole, each))
    clauses = [f">={whole.low}"] if whole.low is not None else []
    if whole.high is not None:
        clauses.append(f"<={whole.high}" if whole.closed else f"<{whole.high}")
    return ",".join(clauses), exact


def _range(specifiers: SpecifierSet) -> _Range | None:
    """None for what is more than a range: with `!=`, `~=`, `>`, or `===`."""
    low: Version | None = None
    end = _Range(None, None)
    for specifier in specifiers:
        bounds = _bounds(specifier)
        if bounds is None:
            return None
        if bounds.low is not None:
            low = max(low, bounds.low) if low is not None else bounds.low
        if bounds.high is not None and (end.high is None or bounds.high < end.high):
            end = bounds
    return _Range(low, end.high, end.closed)


def _bounds(specifier: Specifier) -> _Range | None:
    operator, text = specifier.operator, specifier.version
    if operator == "==" and text.endswith(".*"):
        version = Version(text.removesuffix(".*"))
        numbers = [*version.release[:-1], version.release[-1] + 1]
        epoch = f"{version.epoch}!" if version.epoch else ""
        return _Range(version, Version(epoch + ".".join(map(str, numbers))))
    if operator == "===":
        return None
    version = Version(text)
    match operator:
        case "==":
            return _Range(version, version, closed=True)
        case ">=":
            return _Range(version, None)
        case "<" | "<=":
            return _Range(None, version, closed=operator == "<=")
    return None


def _later(one: _Range, other: _Range) -> tuple[Version | None, bool]:
    if one.high is None or other.high is None:
        return None, False
    if one.high == other.high:
        return one.high, one.closed or other.closed
    return (one.high, one.closed) if one.high > other.high else (other.high, other.closed)
