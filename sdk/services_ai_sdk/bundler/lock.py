"""The lock: which file of which package goes into a plugin's layer. Written and read as pylock.toml (PEP 751)."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from packaging.pylock import PackageWheel, Pylock, PylockSelectError, PylockValidationError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from services_ai_sdk.bundler.target import Target, wheel_tags
from services_ai_sdk.wire.errors import InvalidInputError

LOCK_NAME = "pylock.toml"
LOCK_MAX_BYTES = 4 * 1024 * 1024

_TOOL = "services-ai"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LINKS = re.compile(r"https?|file")


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """One package of a lock, and the one file of it that is installed.

    Attributes:
        name: Normalised.
        location: `https://…`; `file:///…` where it was resolved; the bare file name in a lock that travelled.
        size_bytes: Zipped; 0 when the index did not say.
    """

    name: str
    version: str
    filename: str
    location: str
    sha256: str
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Lock:
    """Everything that a layer is made of.

    Attributes:
        target: Name of the target it was made for.
        requirements: What was asked for, PEP 508, sorted; None in a lock that another tool wrote.
        wheels: Sorted by name.
        warnings: What the resolver said while making it; not part of the file.
    """

    target: Target
    requirements: tuple[str, ...] | None
    wheels: tuple[LockedWheel, ...]
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Equal for locks that make the same layer, wherever the files come from."""
        rows = [[wheel.name, wheel.version, wheel.filename, wheel.sha256] for wheel in self.wheels]
        return hashlib.sha256(json.dumps([self.target.name, rows]).encode()).hexdigest()

    def to_toml(self) -> str:
        """The file's text: the same lock gives the same text, and no path of this machine is in it."""
        lines = [
            "# Exactly what is in the plugin's layer (PEP 751). Written by services-ai-plugin.",
            'lock-version = "1.0"',
            'created-by = "services-ai-plugin"',
            f'requires-python = "=={self.target.python}.*"',
            "packages = []" if not self.wheels else "",
        ]
        for wheel in self.wheels:
            remote = not wheel.location.startswith("file:") and "://" in wheel.location
            source = f"url = {_quote(wheel.location)}" if remote else f"path = {_quote(wheel.filename)}"
            size = f", size = {wheel.size_bytes}" if wheel.size_bytes else ""
            hashes = f"hashes = {{ sha256 = {_quote(wheel.sha256)} }}"
            lines += [
                "[[packages]]",
                f"name = {_quote(wheel.name)}",
                f"version = {_quote(wheel.version)}",
                "wheels = [",
                f"    {{ name = {_quote(wheel.filename)}, {source}{size}, {hashes} }},",
                "]",
                "",
            ]
        lines += [f"[tool.{_TOOL}]", f"target = {_quote(self.target.name)}"]
        if self.requirements is not None:
            lines.append(f"requirements = [{', '.join(_quote(text) for text in self.requirements)}]")
        return "\n".join(lines) + "\n"


def satisfies(lock: Lock, wanted: Iterable[Requirement]) -> bool:
    """Whether a lock answers these requirements, so that nothing has to be resolved.

    A lock of ours says what it was made for, and that must be the same. One of another tool must have every
    package that applies, in a version that fits.
    """
    requirements = list(wanted)
    if lock.requirements is not None:
        return lock.requirements == tuple(sorted(str(requirement) for requirement in requirements))
    versions = {wheel.name: wheel.version for wheel in lock.wheels}
    environment = cast("dict[str, str]", lock.target.environment())
    for requirement in requirements:
        if requirement.marker and not requirement.marker.evaluate(environment):
            continue
        version = versions.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            return False
    return True


def read_lock(path: Path, target: Target) -> Lock:
    """A lock's file, and of each package the wheel that `target` takes.

    Raises:
        InvalidInputError: Not a pylock.toml, or one that `target` cannot be installed from.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LOCK_MAX_BYTES + 1)
    except OSError as error:
        raise _invalid(f"cannot be read: {error.strerror}") from error
    if len(data) > LOCK_MAX_BYTES:
        raise _invalid(f"is larger than {LOCK_MAX_BYTES:,} bytes")
    return parse_lock(data, target)


def parse_lock(data: bytes, target: Target) -> Lock:
    """As `read_lock`, of a file's content.

    Raises:
        InvalidInputError: As there.
    """
    try:
        raw = tomllib.loads(data.decode("utf-8"))
        pylock = Pylock.from_dict(raw)
        chosen = list(pylock.select(environment=target.environment(), tags=wheel_tags(target)))
    except PylockSelectError as error:
        raise InvalidInputError(
            f"{LOCK_NAME} does not fit {target.name}: {error}", code="lock-target", hint=_RELOCK
        ) from error
    except (PylockValidationError, ValueError, RecursionError, TypeError, KeyError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _invalid(f"is not valid: {reason}", hint=_RELOCK) from error
    wheels = tuple(
        sorted((_wheel(package.name, str(package.version or ""), file) for package, file in chosen), key=_by_name)
    )
    tool = raw.get("tool", {}).get(_TOOL, {}) if isinstance(raw.get("tool"), dict) else {}
    requirements = tool.get("requirements") if isinstance(tool, dict) else None
    if requirements is not None and not (
        isinstance(requirements, list) and all(isinstance(item, str) for item in requirements)
    ):
        raise _invalid(f"has a tool.{_TOOL}.requirements that is no list of strings")
    return Lock(target, None if requirements is None else tuple(requirements), wheels)


_RELOCK = f"delete {LOCK_NAME}: package makes it anew"


def _invalid(reason: str, *, hint: str = "") -> InvalidInputError:
    return InvalidInputError(f"{LOCK_NAME} {reason}", code="lock-invalid", hint=hint)


def _by_name(wheel: LockedWheel) -> str:
    return wheel.name


def _wheel(name: str, version: str, file: Any) -> LockedWheel:
    if not isinstance(file, PackageWheel):
        raise InvalidInputError(
            f"{LOCK_NAME}: {name} is locked to its source, and plugins are built from wheels only",
            code="lock-not-a-wheel",
            hint=_RELOCK,
        )
    sha256 = file.hashes.get("sha256", "").lower()
    if not _SHA256.fullmatch(sha256):
        raise InvalidInputError(
            f"{LOCK_NAME}: {file.filename} has no SHA-256 hash",
            code="lock-no-hash",
            hint="use an index that serves hashes",
        )
    location = file.url or file.path or ""
    if not version or "/" in file.filename or "\\" in file.filename:
        raise _invalid(f"has {name} without a version, or with a bad file name")
    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise _invalid(f"has a bad link for {file.filename}: {error}") from error
    if "://" in location and (not _LINKS.fullmatch(parts.scheme) or parts.username or parts.password):
        raise _invalid(f"takes {file.filename} from a link that is not followed ({parts.scheme})")
    if "://" not in location and unquote(location.rsplit("/", 1)[-1]) != file.filename:
        raise _invalid(f"takes {file.filename} from a path of another name")
    return LockedWheel(name, version, file.filename, location, sha256, file.size or 0)


def _quote(text: str) -> str:
    """A TOML basic string: JSON's escapes are a subset of TOML's, once DEL is escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
