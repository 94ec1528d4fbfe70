"""Asks uv which versions fit together on a target."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from packaging.requirements import Requirement

from services_ai_sdk.bundler.index_settings import IndexSettings
from services_ai_sdk.bundler.lock import Lock, parse_lock
from services_ai_sdk.bundler.target import Target
from services_ai_sdk.bundler.uv_errors import uv_error
from services_ai_sdk.wire.errors import FindingsError, PlatformError

Progress = Callable[[str], None]
"""Takes one line for a person."""


class Resolving(Protocol):
    """What can make a lock."""

    def resolve(self, requirements: Sequence[Requirement], target: Target) -> Lock:
        """A lock for the target.

        Raises:
            FindingsError: Nothing fits together.
            PlatformError: The index or uv did not answer.
        """
        ...

    def alone(self, asked: Requirement, target: Target, *, system: str, lowest: bool, timeout_s: float) -> str:
        """Which version of one package has a wheel, whatever it needs itself: the newest, or the oldest.

        Args:
            asked: Without extras.
            target: The Python; and the machine, where `system` is empty.
            system: Another system, as uv names it: `windows`, `macos`.
            lowest: The oldest instead.
            timeout_s: After this uv is ended.

        Returns:
            Empty when none has.

        Raises:
            PlatformError: The index or uv did not answer.
        """
        ...

    def requires(self, requirements: Sequence[str], target: Target) -> dict[str, tuple[str, ...]]:
        """Names of the packages that each package of a lock needs.

        Raises:
            FindingsError: As `resolve`.
            PlatformError: As `resolve`.
        """
        ...


class UvResolver:
    """`uv pip compile`, wheels only.

    Args:
        uv: The program; see `find_uv`.
        settings: Indexes, proxies, certificates.
        timeout_s: After this uv is ended and an error raised.
        interpreter: Any working Python: uv wants one to start from, and looks for long when it is given none. What
            is resolved for is the target alone.
    """

    def __init__(
        self, uv: Path, settings: IndexSettings, *, timeout_s: float = 180.0, interpreter: str = sys.executable
    ) -> None:
        self._uv = uv
        self._settings = settings
        self._timeout_s = timeout_s
        self._interpreter = interpreter

    def resolve(self, requirements: Sequence[Requirement], target: Target) -> Lock:
        """A lock for the target.

        Raises:
            FindingsError: `dependencies-unresolvable`: nothing fits together; the message has uv's own words.
            PlatformError: `registry-unreachable`, `resolve-timeout` or `uv-failed`.
        """
        asked = tuple(sorted(str(requirement) for requirement in requirements))
        if not asked:
            return Lock(target, (), ())
        with tempfile.TemporaryDirectory(prefix="services-ai-resolve-") as folder:
            wanted, output = Path(folder) / "requirements.in", Path(folder) / "pylock.toml"
            wanted.write_text("\n".join(asked) + "\n", encoding="utf-8")
            arguments = [str(wanted), "--output-file", str(output), "--format", "pylock.toml"]
            said = self._compile(arguments, Path(folder), target, target.uv_platform, self._timeout_s)
            lock = parse_lock(output.read_bytes(), target)
        warnings = tuple(line.strip() for line in said.splitlines() if line.startswith("warning:"))
        return Lock(target, asked, lock.wheels, warnings)

    def alone(self, asked: Requirement, target: Target, *, system: str, lowest: bool, timeout_s: float) -> str:
        """As `Resolving.alone`.

        Raises:
            PlatformError: As `resolve`.
        """
        with tempfile.TemporaryDirectory(prefix="services-ai-resolve-") as folder:
            wanted, output = Path(folder) / "requirements.in", Path(folder) / "requirements.txt"
            wanted.write_text(f"{asked}\n", encoding="utf-8")
            arguments = [str(wanted), "--output-file", str(output), "--no-deps", "--no-annotate"]
            if lowest:
                arguments += ["--resolution", "lowest"]
            try:
                self._compile(arguments, Path(folder), target, system or target.uv_platform, timeout_s)
            except FindingsError:
                return ""
            lines = output.read_text(encoding="utf-8").splitlines()
        found = [Requirement(line) for line in lines if "==" in line and not line.startswith(("#", "-"))]
        return next((specifier.version for each in found for specifier in each.specifier), "")

    def requires(self, requirements: Sequence[str], target: Target) -> dict[str, tuple[str, ...]]:
        """As `Resolving.requires`: read from the remarks of a requirements.txt (`numpy==2.2.6  # via pandas`).

        Raises:
            FindingsError: As `resolve`.
            PlatformError: As `resolve`.
        """
        with tempfile.TemporaryDirectory(prefix="services-ai-resolve-") as folder:
            wanted, output = Path(folder) / "requirements.in", Path(folder) / "requirements.txt"
            wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
            arguments = [str(wanted), "--output-file", str(output), "--annotation-style", "line"]
            self._compile(arguments, Path(folder), target, target.uv_platform, self._timeout_s)
            lines = output.read_text(encoding="utf-8").splitlines()
        found: dict[str, list[str]] = {}
        for line in lines:
            package, _, parents = line.partition("# via ")
            for parent in parents.split(", "):
                if parent and not parent.startswith("-"):
                    found.setdefault(parent, []).append(package.partition("==")[0].strip())
        return {parent: tuple(names) for parent, names in found.items()}

    def _compile(
        self, arguments: Sequence[str], folder: Path, target: Target, platform: str, timeout_s: float
    ) -> str:
        command = [
            *(str(self._uv), "pip", "compile", *arguments),
            *("--python", self._interpreter, "--no-python-downloads"),
            *("--python-version", target.python, "--python-platform", platform),
            *("--only-binary", ":all:", "--no-header", "--color", "never", "--no-progress"),
            *self._settings.uv_arguments(),
        ]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=self._settings.uv_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PlatformError(
                f"resolving for {target.runtime} took longer than {timeout_s:g} s and was ended",
                code="resolve-timeout",
                hint="check that the package index answers; uv reads its address from UV_DEFAULT_INDEX",
                retryable=True,
            ) from error
        except OSError as error:
            raise PlatformError(
                f"uv could not be started: {error}", code="uv-missing", hint="pip install 'services-ai-sdk[cli]'"
            ) from error
        said = done.stderr.decode("utf-8", "replace").strip()
        if done.returncode:
            raise uv_error(done.returncode, said, target)
        return said


def find_uv() -> Path:
    """The uv that was installed with us.

    Raises:
        PlatformError: There is none.
    """
    try:
        import uv

        return Path(uv.find_uv_bin())
    except (ImportError, FileNotFoundError) as error:
        raise PlatformError(
            "uv, which resolves dependencies, is not installed here",
            code="uv-missing",
            hint="pip install 'services-ai-sdk[cli]'",
        ) from error


def resolve_first(
    resolver: Resolving, requirements: Sequence[Requirement], targets: Iterable[Target], progress: Progress
) -> Lock:
    """The lock of the first target for which there is one.

    Raises:
        FindingsError: Of the first target, with a line for each of the others.
        PlatformError: As `resolve`.
    """
    failures: list[tuple[Target, FindingsError]] = []
    for target in targets:
        try:
            return resolver.resolve(requirements, target)
        except FindingsError as error:
            failures.append((target, error))
            progress(f"{target.runtime}: the dependencies do not resolve")
    first = failures[0][1]
    others = ", ".join(target.runtime for target, _ in failures[1:])
    raise FindingsError(
        first.message + (f"\nNor do they for {others}." if others else ""),
        code=first.code,
        hint=first.hint,
        details={**first.details, "tried": [target.runtime for target, _ in failures]},
    )
