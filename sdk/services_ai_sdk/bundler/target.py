"""What a plugin is built for: a Lambda runtime on one architecture, with the C library that it has."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from packaging.markers import Environment
from packaging.tags import Tag, compatible_tags, cpython_tags

from services_ai_sdk.manifest.python import runtime_name

_GLIBC_MINOR_OF_OLD_RUNTIMES = {"3.11": 17}
"""python3.11 runs on Amazon Linux 2 (glibc 2.26); uv knows no 2_26 target, so the next lower one is asked for."""

_GLIBC_MINOR = 34
"""python3.12 and later run on Amazon Linux 2023 (glibc 2.34)."""

_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Target:
    """One runtime on one architecture.

    Attributes:
        python: `3.11`.
        machine: As Linux names it: `x86_64` or `aarch64`.
    """

    python: str
    machine: str

    @property
    def runtime(self) -> str:
        """As Lambda names it."""
        return f"python{self.python}"

    @property
    def glibc_minor(self) -> int:
        """Wheels may need glibc 2.N at most."""
        return _GLIBC_MINOR_OF_OLD_RUNTIMES.get(self.python, _GLIBC_MINOR)

    @property
    def uv_platform(self) -> str:
        """As `uv --python-platform` names it."""
        return f"{self.machine}-manylinux_2_{self.glibc_minor}"

    @property
    def name(self) -> str:
        """For people and locks: `python3.11-x86_64-manylinux_2_17`."""
        return f"{self.runtime}-{self.uv_platform}"

    def environment(self) -> Environment:
        """What environment markers see there."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


def target_for(runtime: str, machine: str | None = None) -> Target:
    """The target of a Lambda runtime.

    Args:
        runtime: `python3.12`, or `3.12`.
        machine: Linux's or Lambda's name of the architecture; this machine's when left out.

    Raises:
        InvalidInputError: No such runtime.
    """
    name = (machine or platform.machine()).lower()
    return Target(runtime_name(runtime).removeprefix("python"), _MACHINES.get(name, name))


@lru_cache(maxsize=8)
def wheel_tags(target: Target) -> tuple[Tag, ...]:
    """Tags of the wheels that run there, best first."""
    platforms = tuple(_platforms(target))
    version = tuple(int(part) for part in target.python.split("."))
    short = target.python.replace(".", "")
    return (
        *cpython_tags(version, [f"cp{short}"], platforms),
        *compatible_tags(version, f"cp{short}", platforms),
    )


def _platforms(target: Target) -> Iterator[str]:
    oldest = 5 if target.machine == "x86_64" else 17  # no aarch64 wheels are older
    for minor in range(target.glibc_minor, oldest - 1, -1):
        yield f"manylinux_2_{minor}_{target.machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{target.machine}"
    yield f"linux_{target.machine}"
