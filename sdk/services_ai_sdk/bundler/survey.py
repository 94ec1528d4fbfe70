"""Where there are wheels, when uv finds none: which versions and Pythons have one, or that there is only source.

uv itself is asked again, about one package at a time: the answer comes from the same indexes, with the same
settings, as the refusal did.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from services_ai_sdk.bundler.resolve import Resolving
from services_ai_sdk.bundler.target import Target
from services_ai_sdk.bundler.uv_errors import LOOSEN
from services_ai_sdk.wire.errors import FindingsError, PlatformError

PACKAGES_MAX = 3
TIMEOUT_S = 20.0
_PARALLEL_MAX = 4
_SYSTEMS = {"windows": "Windows", "macos": "macOS"}
"""As `uv --python-platform` names them, and as people do."""

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_OTHER_WHEELS = re.compile(rf"[Ww]heels (?:for|are available for) `({_NAME})`")
_WITHOUT_WHEELS = (
    _OTHER_WHEELS,
    re.compile(rf"Wheels are required for `({_NAME})`"),
    re.compile(rf"\b({_NAME})(?:[<>=!~]=?\S*)?\s+(?:has|have) no (?:usable )?wheels"),
)


@dataclass(frozen=True, slots=True)
class Wheels:
    """What there is of one package.

    Attributes:
        asked: The manifest's versions; empty for any, and for a package that another one asks for.
        fitting: Newest version that is asked for and has a wheel, by runtime.
        anywhere: Newest version with a wheel, by runtime, whatever was asked for.
        oldest: With a wheel for the target.
        systems: Other systems that have wheels; looked for when no Lambda runtime has.
        other_wheels: uv saw wheels of it, whatever they are for.
    """

    package: str
    asked: str
    target: str
    fitting: dict[str, str]
    anywhere: dict[str, str]
    oldest: str = ""
    systems: tuple[str, ...] = ()
    other_wheels: bool = False

    @property
    def source_only(self) -> bool:
        """No wheel at all."""
        return not self.anywhere and not self.systems and not self.other_wheels

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "package": self.package,
            "asked": self.asked,
            "fitting": self.fitting,
            "anywhere": self.anywhere,
            "source_only": self.source_only,
        }

    @property
    def in_the_way(self) -> bool:
        """Nothing that is asked for runs on the target; uv also names packages that are only beside the point."""
        return self.target not in self.fitting

    def lines(self) -> Iterator[str]:
        """For people."""
        if self.source_only:
            yield f"{self.package}: no version has a wheel; there is only its source"
        elif not self.anywhere:
            yield f"{self.package}: wheels for {' and '.join(self.systems) or 'other Pythons'} only"
        else:
            if self.asked:
                spec = ", ".join(sorted(self.asked.split(","), reverse=True))
                there = _by_version(self.fitting) or "no wheel for any Python that Lambda runs"
                yield f"{self.package} {spec}: {there}"
            here = f"{self.range} for {self.target}" if self.range else f"none for {self.target}"
            others = _by_version({name: each for name, each in self.anywhere.items() if name != self.target})
            yield f"{self.package}, any version: {here}{'; ' if others else ''}{others}"

    @property
    def range(self) -> str:
        """Versions with a wheel for the target; empty when there is none."""
        newest = self.anywhere.get(self.target, "")
        return f"{self.oldest} to {newest}" if self.oldest and self.oldest != newest else newest

    def advice(self) -> str:
        """The edit that mends it, as far as it is about this package alone; empty when there is none."""
        if self.source_only:
            return (
                f"{self.package} is published as source only, and sources are never built here: take another "
                f"package, or build its wheel yourself (pip wheel --no-deps -w ../wheels {self.package}) and set "
                "UV_FIND_LINKS=../wheels"
            )
        if self.systems:
            return f"{self.package} is for {' and '.join(self.systems)}, and plugins run on Linux: leave it out"
        if self.range:
            return f"take another version of {self.package}: {self.range} for {self.target}"
        return ""


def _by_version(newest: Mapping[str, str]) -> str:
    """`1.5.3 for python3.11, 3.1.1 for python3.13 and python3.14`."""
    runtimes: dict[str, list[str]] = {}
    for runtime, version in newest.items():
        runtimes.setdefault(version, []).append(runtime)
    return ", ".join(f"{version} for {' and '.join(names)}" for version, names in runtimes.items())


class WheelSurvey:
    """Asks what there is.

    Args:
        asking: uv.
        timeout_s: For all of it: an explanation must not take longer than the refusal.
        clock: Monotonic seconds.
    """

    def __init__(
        self, asking: Resolving, *, timeout_s: float = TIMEOUT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._asking = asking
        self._timeout_s = timeout_s
        self._clock = clock

    def explain(
        self, error: FindingsError, wanted: Sequence[Requirement], targets: Sequence[Target]
    ) -> FindingsError:
        """The same error, with what wheels there are; as it is where they are not the reason, or nobody answers.

        Args:
            error: Of `resolve_first`.
            wanted: What was asked for.
            targets: All that there are, the one that the error is about first.
        """
        said = str(error.details.get("uv", ""))
        packages = list(without_wheels(said))[:PACKAGES_MAX]
        if not packages:
            return error
        ends_at = self._clock() + self._timeout_s
        specs: dict[str, str] = {canonicalize_name(each.name): str(each.specifier) for each in wanted}
        others = {canonicalize_name(match[1]) for match in _OTHER_WHEELS.finditer(said)}
        try:
            with ThreadPoolExecutor(max_workers=_PARALLEL_MAX, thread_name_prefix="survey") as pool:
                found = [
                    replace(
                        self._of(name, specs.get(name, ""), targets, pool, ends_at), other_wheels=name in others
                    )
                    for name in packages
                ]
        except PlatformError:
            return error  # it is the refusal that has to be told; this was only to help
        tried = error.details.get("tried", [targets[0].runtime])
        text = "\n".join(f"  {line}" for each in found for line in each.lines())
        return FindingsError(
            f"{error.message}\nWheels that there are:\n{text}",
            code=error.code,
            hint=_hint([each for each in found if each.in_the_way], tried),
            details={**error.details, "wheels": [each.to_dict() for each in found]},
        )

    def _of(
        self, package: str, asked: str, targets: Sequence[Target], pool: ThreadPoolExecutor, ends_at: float
    ) -> Wheels:
        def ask(spec: str, target: Target, system: str = "", *, lowest: bool = False) -> str:
            left_s = max(ends_at - self._clock(), 0.1)
            requirement = Requirement(f"{package}{spec}")
            return self._asking.alone(requirement, target, system=system, lowest=lowest, timeout_s=left_s)

        def newest(spec: str) -> dict[str, str]:
            versions = zip(targets, pool.map(lambda target: ask(spec, target), targets), strict=True)
            return {target.runtime: version for target, version in versions if version}

        target = targets[0]
        anywhere = newest("")
        fitting = newest(asked) if asked and anywhere else anywhere
        oldest, systems = "", tuple[str, ...]()
        if target.runtime in anywhere:
            oldest = ask("", target, lowest=True)
        elif not anywhere:
            versions = pool.map(lambda system: ask("", target, system), _SYSTEMS)
            systems = tuple(shown for shown, version in zip(_SYSTEMS.values(), versions, strict=True) if version)
        return Wheels(package, asked, target.runtime, fitting, anywhere, oldest, systems)


def _hint(in_the_way: Sequence[Wheels], tried: Collection[str]) -> str:
    if not in_the_way:
        return LOOSEN
    worst = next((each for each in in_the_way if not each.anywhere), in_the_way[0])
    shared = [name for name in worst.fitting if all(name in each.fitting for each in in_the_way)]
    other = next((name for name in sorted(shared) if name not in tried), "")
    edits = [f'set "python": "{other}" in the manifest' if other else "", worst.advice()]
    return ", or ".join(edit for edit in edits if edit) or f"take another package than {worst.package}"


def without_wheels(said: str) -> Iterable[str]:
    """Packages of which uv says that they have no wheel, in its order.

    Args:
        said: All that uv wrote.
    """
    found = ((match.start(), match[1]) for pattern in _WITHOUT_WHEELS for match in pattern.finditer(said))
    return dict.fromkeys(canonicalize_name(name) for _, name in sorted(found) if name != "of")
