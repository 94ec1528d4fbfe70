"""One line of `dependencies.packages`, translated to a PEP 508 requirement: name, extras, versions, marker.

`requests[socks]` with `^2; python_version < '3.12'`, or the object of `package_spec`. Versions: `spec_versions`.
"""

from __future__ import annotations

import re
from typing import NoReturn

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from services_ai_sdk.manifest.package_spec import Packages, PackageSpec
from services_ai_sdk.manifest.spec_versions import BadSpec, specifiers
from services_ai_sdk.wire.errors import InvalidInputError

SPEC_MAX_CHARS = 256
"""Longer text is refused unparsed: parsers of versions are quadratic, or fail on huge numbers."""

NAME_MAX_CHARS = 128

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_EXTRAS = re.compile(r"\s*\[\s*([A-Za-z0-9._-]+(?:\s*,\s*[A-Za-z0-9._-]+)*)?\s*\]")
_PYTHON_NAMES = frozenset({"python"})
_OURS = frozenset({"services-ai-sdk"})


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
        clauses = specifiers(versions)
    except BadSpec as bad:
        _refuse(name, str(spec), where[0], str(bad), bad.offset, bad.meant)
    text = f"{base}[{','.join(extras)}]" if extras else base
    try:
        requirement = Requirement(f"{text}{clauses}")
    except InvalidRequirement:  # `===` takes any text as a version
        _refuse(name, str(spec), where[0], "is no version spec", 0)
    if marker.strip():
        try:
            requirement.marker = Marker(marker.strip())
        except InvalidMarker:
            if isinstance(spec, PackageSpec):
                _refuse(name, marker, where[1], "is no environment marker", 0, _SOME_MARKER)
            _refuse(name, spec, where[1], _NO_MARKER, at, _SOME_MARKER)
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


def _refuse(name: str, spec: str, where: str, reason: str, offset: int, meant: str = "") -> NoReturn:
    text = f"{name!r} {reason}" if where == "name" else f"{name}: {spec!r} {reason}"
    raise InvalidInputError(
        f"{text} (column {offset + 1})",
        code="dependency-name-invalid" if where == "name" else "dependency-spec-invalid",
        hint=f"did you mean: {meant}" if meant else "forms that are read: >=2.28.0  ^1.5.0  ~1.5  1.x  1.5.0  *",
        details={"package": name, "in": where, "column": offset + 1, "meant": meant},
    )
