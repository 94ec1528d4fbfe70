"""Version specs, translated to PEP 440 clauses.

What is valid PEP 440 (`>=2.28.0`, `~=1.4`, `==1.*`, `>1.5`) means what PEP 440 says. Everything else is read
as npm and Poetry write it:

| written               | means                | remark                                                       |
| --------------------- | -------------------- | ------------------------------------------------------------ |
| `*`, `x`, empty       | any version          |                                                              |
| `1.5.0`, `=1.5`       | `==1.5.0`, `==1.5`   | exact, as in Poetry and pip; `1.5.x` for the whole series    |
| `1.x`, `1.5.*`        | `==1.*`, `==1.5.*`   |                                                              |
| `^1.5.0`              | `>=1.5.0,<2`         | the leftmost number that is not 0 stays                      |
| `^0.2.3`, `^0.0.3`    | `<0.3`, `<0.0.4`     | as npm and Poetry document 0.x                               |
| `~1.5.2`, `~1.5`, `~1` | `<1.6`, `<1.6`, `<2` |                                                              |
| `1.2 - 2.3`           | `>=1.2,<2.4`         | npm's hyphen range; `1.2 - 2.3.4` ends at `<=2.3.4`          |
| `>=1.2 <2`, `^1,!=1.5` | both                 | a space or a comma joins                                     |
| `^1 || ^2`            | `>=1,<3`             | ranges that touch or overlap; PEP 508 has no other "or"      |
"""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from services_ai_sdk.manifest.alternatives import one_range

_HYPHEN = re.compile(r"(\S+)\s+-\s+(\S+)")
_CLAUSE = re.compile(r"(===|~=|==|!=|<=|>=|~>|<|>|\^|~|=)?\s*((?:\d+!)?[^\s,^~<>=!]+)")
_JOIN = re.compile(r"\s*,\s*|\s+")
_WILD = re.compile(r"v?(\d+(?:\.\d+)*)?\.?[xX*](?:\.[xX*])*")
_ANY = frozenset({"", "*", "x", "X"})
_DIGITS_MAX = 20


class BadSpec(Exception):  # noqa: N818 - never leaves the two modules of specs
    """What cannot be read, where (from 0), and what was perhaps meant."""

    def __init__(self, reason: str, offset: int, meant: str = "") -> None:
        super().__init__(reason)
        self.offset = offset
        self.meant = meant


def specifiers(text: str) -> str:
    """Comma-joined PEP 440 clauses; empty for any version.

    Args:
        text: Of bounded length: parsers of versions are quadratic.

    Raises:
        BadSpec: It cannot be read.
    """
    for at, char in enumerate(text):
        if not char.isascii():
            raise BadSpec(f"has the character {char!r}, which no version has", at)
    if found := re.search(rf"\d{{{_DIGITS_MAX + 1},}}", text):
        raise BadSpec(f"has a number of more than {_DIGITS_MAX} digits", found.start())
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        pass
    if "||" in text:
        return _either(text)
    if hyphen := _HYPHEN.fullmatch(text.strip()):
        return _hyphen_range(hyphen, len(text) - len(text.lstrip()))
    clauses: list[str] = []
    at = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    while at < end:
        found = _CLAUSE.match(text, at, end)
        if not found:
            raise BadSpec(f"cannot be read from {text[at:end][:20]!r} on", at, _meant(text[at:end]))
        clauses.extend(_clause(found[1] or "", found[2], found.start(2)))
        at = found.end()
        if at < end:
            joint = _JOIN.match(text, at, end)
            if not joint or joint.end() == end:
                raise BadSpec(f"cannot be read from {text[at:end][:20]!r} on", at, text[:at].strip())
            at = joint.end()
    return ",".join(dict.fromkeys(clauses))


def _either(text: str) -> str:
    """`^1 || ^2`: one range where the alternatives make up one, and refused where they do not."""
    sets, at = [], 0
    for part in text.split("||"):
        bar = max(at - 2, 0) if at else text.index("||")
        if not part.strip():
            raise BadSpec("has nothing on one side of '||'", bar, text.replace("||", " ").strip())
        try:
            sets.append(SpecifierSet(specifiers(part)))
        except BadSpec as bad:
            raise BadSpec(str(bad), at + bad.offset, bad.meant) from None
        at += len(part) + 2
    whole, exact = one_range(sets)
    if not exact:
        raise BadSpec("has '||' between ranges that are not one range", text.index("||"), whole)
    return str(SpecifierSet(whole))


def _clause(operator: str, version: str, at: int) -> list[str]:
    if version in _ANY and operator in ("", "=", "==", ">=", "^", "~"):
        return []
    if operator in ("", "=", "==", "^", "~") and (wild := _WILD.fullmatch(version)):
        if operator in ("^", "~") and wild[1]:  # ^1.2.x is npm's ^1.2, and not 1.2.x
            return _clause(operator, wild[1], at)
        return [f"=={wild[1]}.*"] if wild[1] else []
    number = _version(version, at, operator)
    match operator:
        case "" | "=":
            return [f"=={number}"]
        case "^":
            return [f">={number}", f"<{_caret_end(number)}"]
        case "~":
            return [f">={number}", f"<{_tilde_end(number)}"]
        case "~>":
            raise BadSpec("has '~>', which is neither PEP 440 nor npm", at - 2, f"~{version} or ~={version}")
    clause = f"{operator}{number}"
    try:
        SpecifierSet(clause)
    except InvalidSpecifier:
        meant = f"~={version}.0" if operator == "~=" else ""
        raise BadSpec(f"has {clause!r}, which PEP 440 does not allow", at, meant) from None
    return [clause]


def _version(text: str, at: int, operator: str = "") -> Version:
    try:
        version = Version(text)
    except InvalidVersion:
        meant = _meant(text)
        raise BadSpec(
            f"has {text[:40]!r}, which is no version", at, operator + meant if meant[:1].isdigit() else meant
        ) from None
    if version.local:
        raise BadSpec(
            "has a local version (after '+'), which no index serves", at + text.index("+"), version.public
        )
    return version


def _caret_end(version: Version) -> str:
    """The first version that the caret leaves out: the leftmost number that is not 0 rises, or the last given."""
    numbers = version.release
    keep = next((place for place, number in enumerate(numbers[:3]) if number), min(len(numbers), 3) - 1)
    return _next(version, keep)


def _tilde_end(version: Version) -> str:
    return _next(version, 1 if len(version.release) > 1 else 0)


def _next(version: Version, place: int) -> str:
    numbers = [*version.release[:place], version.release[place] + 1]
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(str(number) for number in numbers)


def _hyphen_range(found: re.Match[str], shift: int) -> str:
    low, high = _version(found[1], shift), _version(found[2], shift + found.start(2))
    whole = len(high.release) >= 3
    end = high if whole else Version(_next(high, len(high.release) - 1))
    if end < low or (end == low and not whole):
        raise BadSpec("ends before it starts", shift + found.start(2), f"{found[2]} - {found[1]}")
    return f">={low},<={high}" if whole else f">={low},<{end}"


def _meant(text: str) -> str:
    """The nearest thing that can be read, or nothing."""
    word = text.strip().lower()
    if word in ("latest", "any", "newest", "all", "stable"):
        return "*"
    if "://" in word or word.startswith(("git+", "file:", "./", "../", "/")):
        return "a version: plugins are built from an index's wheels, never from a URL or path"
    if found := re.search(r"([\^~]|[<>=!~]=|[<>])?\s*(\d+(?:\.\d+)*)", word):
        return f"{found[1] or ''}{found[2]}"
    return ""
