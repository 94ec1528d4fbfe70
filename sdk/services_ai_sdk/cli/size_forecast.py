"""How large a plugin will be for Lambda, as far as that can be told without resolving anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services_ai_sdk.bundler.source import SourceTree
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.load import FILE_NAME
from services_ai_sdk.manifest.model import Manifest
from services_ai_sdk.wire.limits import UNZIPPED_MAX_BYTES

LOCK_NAME = "pylock.toml"
LOCK_MAX_BYTES = 4 * 1024 * 1024

UNPACKED_PER_WHEEL_BYTE = 3
"""Wheels of pandas, numpy, cryptography and requests unpack to 2.6 to 3.6 times their size."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Sizes unzipped, as Lambda counts them.

    Attributes:
        code_bytes: The plugin's own files.
        dependencies_bytes: None when nothing is known of them.
        exact: Whether the dependencies' size is that of a built layer, or guessed from the lock's wheels.
    """

    code_bytes: int
    dependencies_bytes: int | None
    exact: bool
    biggest: str

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "code_bytes": self.code_bytes,
            "dependencies_bytes": self.dependencies_bytes,
            "exact": self.exact,
            "limit_bytes": UNZIPPED_MAX_BYTES,
        }

    def words(self) -> str:
        """`12 kB of code; about 94 MB of dependencies; Lambda takes 262.1 MB`."""
        if self.dependencies_bytes is None:
            dependencies = "of dependencies, package will know"
        else:
            about = "" if self.exact else "about "
            dependencies = f"{about}{_size(self.dependencies_bytes)} of dependencies"
        return f"{_size(self.code_bytes)} of code; {dependencies}; Lambda takes {_size(UNZIPPED_MAX_BYTES)}"

    def findings(self) -> Iterator[Finding]:
        """What Lambda will refuse, and what it will probably refuse."""
        total = self.code_bytes + (self.dependencies_bytes or 0)
        if total <= UNZIPPED_MAX_BYTES:
            return
        sure = self.exact or self.code_bytes > UNZIPPED_MAX_BYTES
        will = "unpack" if sure else "will probably unpack"
        text = f"code and dependencies {will} to {_size(total)}; Lambda takes {_size(UNZIPPED_MAX_BYTES)}"
        yield Finding(
            "size-too-large",
            Severity.ERROR if sure else Severity.WARNING,
            text,
            FILE_NAME,
            fix=f"leave out, or take a slimmer variant of, the biggest: {self.biggest}",
        )


def forecast(manifest: Manifest, tree: SourceTree) -> Forecast:
    """Reads what is there: the layer's digest in a packaged manifest, or a pylock.toml beside it."""
    biggest = max(tree.files, key=lambda file: file.size_bytes, default=None)
    named = f"{biggest.name} ({_size(biggest.size_bytes)})" if biggest else ""
    if manifest.layer is not None:
        return Forecast(tree.size_bytes, manifest.layer.unzipped_bytes, True, named)
    if not manifest.dependencies.packages:
        return Forecast(tree.size_bytes, 0, True, named)
    wheels = _wheels(tree)
    if not wheels:
        return Forecast(tree.size_bytes, None, False, named)
    heaviest = max(wheels, key=lambda name: wheels[name])
    total = UNPACKED_PER_WHEEL_BYTE * sum(wheels.values())
    return Forecast(tree.size_bytes, total, False, heaviest)


def _wheels(tree: SourceTree) -> dict[str, int]:
    """The size of each locked package's wheel; of several, the largest. Empty when the lock does not say."""
    import tomllib

    try:
        with (tree.root / LOCK_NAME).open("rb") as file:
            data = file.read(LOCK_MAX_BYTES + 1)
        packages = tomllib.loads(data.decode())["packages"] if len(data) <= LOCK_MAX_BYTES else []
        return {
            str(package["name"]): max(int(wheel["size"]) for wheel in package["wheels"]) for package in packages
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}  # no lock, or one that `package` will have more to say about


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:,.0f} kB"
