"""Version specs of `dependencies.packages`, translated to PEP 508 requirements.

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

PEP 508 has no "or": `||` is refused with the range to write instead.

A package may also be an object, `{"version": "^2", "extras": ["socks"], "markers": "…"}`: see `package_spec`.
"""

from __future__ import annotations

import re
from typing import NoReturn

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from services_ai_sdk.manifest.package_spec import Packages, PackageSpec
from services_ai_sdk.wire.errors import InvalidInputError

SPEC_MAX_CHARS = 256
"""Longer text is refused unparsed: parsers of versions are quadratic, or fail on huge numbers."""

NAME_MAX_CHARS = 128

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_EXTRAS = re.compile(r"\s*\[\s*([A-Za-z0-9._-]+(?:\s*,\s*[A-Za-z0-9._-]+)*)?\s*\]")
_HYPHEN = re.compile(r"(\S+)\s+-\s+(\S+)")
_CLAUSE = re.compile(r"(===|~=|==|!=|<=|>=|~>|<|>|\^|~|=)?\s*((?:\d+!)?[^\s,^~<>=!]+)")
_JOIN = re.compile(r"\s*,\s*|\s+")
_WILD = re.compile(r"v?(\d+(?:\.\d+)*)?\.?[xX*](?:\.[xX*])*")
_ANY = frozenset({"", "*", "x", "X"})
_PYTHON_NAMES = frozenset({"python"})
_OURS = frozenset({"services-ai-sdk"})
_DIGITS_MAX = 20


class _Bad(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, reason: str, offset: int, meant: str = "") -> None:
        super().__init__(reason)
        self.offset = offset
        self.meant = meant


def requirements(packages: Packages) -> tuple[Requirement, ...]:
    """All of a manifest's packages, sorted by name.

    Raises:
        InvalidInputError: A bad name or spec, or two names that are one package.
    """
    found: dict[str, Requirement] = {}
    written: dict[str, str] = {}
    for name, spec in packages.items():
        requirement = translate(name, spec)
        key = canonicalize_name(requirement.name)
        if key in found:
            raise InvalidInputError(
                f"{written[key]!r} and {name!r} are one package: PyPI reads both as {key!r}",
                code="dependency-duplicate",
                hint="keep one of the two lines",
                details={"package": name},
            )
        found[key], written[key] = requirement, name
    return tuple(found[key] for key in sorted(found))


def translate(name: str, spec: str | PackageSpec) -> Requirement:
    """One line of `dependencies.packages` as a PEP 508 requirement.

    Args:
        name: A PyPI name, with extras when wanted: `requests[socks]`.
        spec: The version spec, after `;` an environment marker; or the long form.

    Raises:
        InvalidInputError: `details` has `package`, `in` (`name` or `spec`; of the long form `version` or
            `markers`), `column` (1-based, in that text) and `meant`.
    """
    base, extras = _name(name)
    if isinstance(spec, PackageSpec):
        extras = tuple(sorted({*extras, *(extra.lower() for extra in spec.extras)}))
        versions, marker, at, where = spec.version, spec.markers, 0, ("version", "markers")
        _check_text(name, versions, "version")
        _check_text(name, marker, "markers")
        if (semicolon := versions.find(";")) >= 0:
            _refuse(name, versions, "version", "has a ';': what follows it belongs in 'markers'", semicolon)
    else:
        _check_text(name, spec, "spec")
        versions, found, marker = spec.partition(";")
        at, where = len(versions) + 1, ("spec", "spec")
        if found and not marker.strip():
            _refuse(name, spec, "spec", _NO_MARKER, at, _SOME_MARKER)
    try:
        specifiers = _specifiers(versions)
    except _Bad as bad:
        _refuse(name, str(spec), where[0], str(bad), bad.offset, bad.meant)
    text = f"{base}[{','.join(extras)}]" if extras else base
    try:
        requirement = Requirement(f"{text}{specifiers}")
    except InvalidRequirement:  # `===` takes any text as a version
        _refuse(name, str(spec), where[0], "is no version spec", 0)
    if marker.strip():
        try:
            requirement.marker = Marker(marker.strip())
        except InvalidMarker:
            _refuse(name, str(spec), where[1], _NO_MARKER, at, _SOME_MARKER)
    return requirement


_NO_MARKER = "has no environment marker after the ';'"
_SOME_MARKER = "python_version < '3.12'"


def _check_text(name: str, text: str, where: str) -> None:
    if len(text) > SPEC_MAX_CHARS:
        _refuse(name, text[:40] + "…", where, f"is longer than {SPEC_MAX_CHARS} characters", SPEC_MAX_CHARS)
    if (odd := next((at for at, char in enumerate(text) if not char.isprintable() and char != "\t"), -1)) >= 0:
        _refuse(name, text, where, f"has the character {text[odd]!r}", odd)


def package_name(name: str) -> str:
    """The normalised name in a key of `dependencies.packages`: `requests` of `Requests [socks]`."""
    return canonicalize_name(name.partition("[")[0].strip())


def _name(name: str) -> tuple[str, tuple[str, ...]]:
    if len(name) > NAME_MAX_CHARS:
        _refuse(name[:40] + "…", "", "name", f"is longer than {NAME_MAX_CHARS} characters", NAME_MAX_CHARS)
    found = _NAME.match(name)
    if not found:
        _refuse(name, "", "name", "is no PyPI name", 0)
    rest = name[found.end() :]
    extras: tuple[str, ...] = ()
    if brackets := _EXTRAS.match(rest):
        extras = tuple(sorted({extra.strip().lower() for extra in (brackets[1] or "").split(",")} - {""}))
        rest = rest[brackets.end() :]
    if rest.strip():
        hint = f"{found[0]}[extra]" if "[" in rest else canonicalize_name(re.sub(r"[^A-Za-z0-9]+", "-", name))
        _refuse(name, "", "name", "is no PyPI name", len(name) - len(rest), hint.strip("-"))
    if found[0].lower() in _PYTHON_NAMES:
        raise InvalidInputError(
            f"{name!r} is no package: which Python the plugin runs on is not a dependency",
            code="dependency-name-invalid",
            hint='write "python": "python3.12" beside "dependencies" instead, or leave it out',
            details={"package": name, "in": "name", "column": 1, "meant": ""},
        )
    if canonicalize_name(found[0]) in _OURS:
        raise InvalidInputError(
            f"{name!r} is no dependency: the platform brings it",
            code="dependency-name-invalid",
            hint="delete the line; the platform's version is the one that runs",
            details={"package": name, "in": "name", "column": 1, "meant": ""},
        )
    return found[0], extras


def _specifiers(text: str) -> str:
    """Comma-joined PEP 440 clauses; empty for any version."""
    for at, char in enumerate(text):
        if not char.isascii():
            raise _Bad(f"has the character {char!r}, which no version has", at)
    if found := re.search(rf"\d{{{_DIGITS_MAX + 1},}}", text):
        raise _Bad(f"has a number of more than {_DIGITS_MAX} digits", found.start())
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        pass
    if (at := text.find("||")) >= 0:
        raise _Bad("has '||': a requirement has no 'or'", at, "one range that covers both, like >=1,<3")
    if hyphen := _HYPHEN.fullmatch(text.strip()):
        return _hyphen_range(hyphen, len(text) - len(text.lstrip()))
    clauses: list[str] = []
    at = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    while at < end:
        found = _CLAUSE.match(text, at, end)
        if not found:
            raise _Bad(f"cannot be read from {text[at:end][:20]!r} on", at, _meant(text[at:end]))
        clauses.extend(_clause(found[1] or "", found[2], found.start(2)))
        at = found.end()
        if at < end:
            joint = _JOIN.match(text, at, end)
            if not joint or joint.end() == end:
                raise _Bad(f"cannot be read from {text[at:end][:20]!r} on", at, text[:at].strip())
            at = joint.end()
    return ",".join(dict.fromkeys(clauses))


def _clause(operator: str, version: str, at: int) -> list[str]:
    if version in _ANY and operator in ("", "=", "==", ">=", "^", "~"):
        return []
    if operator in ("", "=", "==", "^", "~") and (wild := _WILD.fullmatch(version)):
        return [f"=={wild[1]}.*"] if wild[1] else []
    number = _version(version, at)
    match operator:
        case "" | "=":
            return [f"=={number}"]
        case "^":
            return [f">={number}", f"<{_caret_end(number)}"]
        case "~":
            return [f">={number}", f"<{_tilde_end(number)}"]
        case "~>":
            raise _Bad("has '~>', which is neither PEP 440 nor npm", at - 2, f"~{version} or ~={version}")
    clause = f"{operator}{number}"
    try:
        SpecifierSet(clause)
    except InvalidSpecifier:
        meant = f"~={version}.0" if operator == "~=" else ""
        raise _Bad(f"has {clause!r}, which PEP 440 does not allow", at, meant) from None
    return [clause]


def _version(text: str, at: int) -> Version:
    try:
        version = Version(text)
    except InvalidVersion:
        raise _Bad(f"has {text[:40]!r}, which is no version", at, _meant(text)) from None
    if version.local:
        raise _Bad("has a local version (after '+'), which no index serves", at + text.index("+"), version.public)
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
    if high < low:
        raise _Bad("ends before it starts", shift + found.start(2), f"{found[2]} - {found[1]}")
    whole = len(high.release) >= 3
    return f">={low},<={high}" if whole else f">={low},<{_next(high, len(high.release) - 1)}"


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


def _refuse(name: str, spec: str, where: str, reason: str, offset: int, meant: str = "") -> NoReturn:
    text = f"{name!r} {reason}" if where == "name" else f"{name}: {spec!r} {reason}"
    raise InvalidInputError(
        f"{text} (column {offset + 1})",
        code="dependency-name-invalid" if where == "name" else "dependency-spec-invalid",
        hint=f"did you mean: {meant}" if meant else "forms that are read: >=2.28.0  ^1.5.0  ~1.5  1.x  1.5.0  *",
        details={"package": name, "in": where, "column": offset + 1, "meant": meant},
    )
