"""What to change when an import of a built layer fails: the edit, not the theory."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

from services_ai_sdk.bundler.stdlib import REMOVED
from services_ai_sdk.manifest.import_names import package_of
from services_ai_sdk.wire.failure import Category, Failure

_MISSING_MODULE = re.compile(r"No module named '([\w.]+)'")
_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[.\d]*): cannot open shared object file")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known where an import failed.

    Attributes:
        versions: Locked version by normalised name.
        python: `3.12`.
        memory_mb: What the plugin may use.
        hiding: Module of Python's own, by the package that hides it.
    """

    versions: Mapping[str, str]
    python: str
    memory_mb: int
    hiding: Mapping[str, str] = field(default_factory=dict)


def advice(failure: Failure, scene: Scene) -> str:
    """The edit of manifest.json that mends it; empty when there is none to name."""
    return next((found for rule in _RULES if (found := rule(failure, scene))), "")


def _memory(failure: Failure, scene: Scene) -> str:
    if failure.category is not Category.OUT_OF_MEMORY:
        return ""
    return f'importing takes more than {scene.memory_mb} MB: set "limits": {{"memory_mb": {2 * scene.memory_mb}}}'


def _old_numpy(failure: Failure, scene: Scene) -> str:
    signs = ("numpy.dtype size changed", "compiled using NumPy 1.x", "numpy.core.multiarray failed to import")
    attribute = re.search(r"module 'numpy' has no attribute|was removed in the NumPy 2.0 release", failure.message)
    if not attribute and not any(sign in failure.message for sign in signs):
        return ""
    return 'add "numpy": "<2"' if _at_least(scene.versions.get("numpy"), "2") else ""


def _pkg_resources(failure: Failure, _scene: Scene) -> str:
    return 'add "setuptools": "<82"' if _missing(failure) == "pkg_resources" else ""


def _removed_module(failure: Failure, scene: Scene) -> str:
    name = _missing(failure).partition(".")[0]
    since = REMOVED.get(name)
    if not since or Version(scene.python) < Version(since):
        return ""
    extra = ', or add "setuptools": "<82", which brings it' if name == "distutils" else ""
    return f'Python {since} removed {name}: set "python": "python3.11", or take a newer release{extra}'


def _missing_module(failure: Failure, scene: Scene) -> str:
    name = _missing(failure)
    top = name.partition(".")[0]
    if not name or top in sys.stdlib_module_names:
        return ""
    package = package_of(name)
    return "" if package in scene.versions else f'add "{package}": "*"'


def _missing_library(failure: Failure, scene: Scene) -> str:
    found = _MISSING_LIBRARY.search(failure.message)
    if not found:
        return ""
    if "opencv-python" in scene.versions:
        return 'replace "opencv-python" by "opencv-python-headless"'
    return f"it needs the system library {found[1]}, which Lambda does not have: take a wheel that carries it"


def _hidden_module(_failure: Failure, scene: Scene) -> str:
    """Backports for old Pythons resolve for new ones too, and the layer comes before the standard library."""
    package, module = next(iter(scene.hiding.items()), ("", ""))
    return f'leave out "{package}": Python has {module} itself' if package else ""


def _missing(failure: Failure) -> str:
    found = _MISSING_MODULE.search(failure.message)
    return found[1] if found else ""


def _at_least(version: str | None, bound: str) -> bool:
    try:
        return version is not None and Version(version) >= Version(bound)
    except InvalidVersion:
        return False


_RULES: tuple[Callable[[Failure, Scene], str], ...] = (
    _memory, _old_numpy, _pkg_resources, _removed_module, _missing_library, _missing_module,
    _hidden_module,
)  # fmt: skip
