"""What is known of a package once every check has run on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services_ai_sdk.manifest.findings import Finding
from services_ai_sdk.manifest.model import Manifest


@dataclass(frozen=True, slots=True)
class InspectedPackage:
    """A package after every check ran again.

    Attributes:
        manifest: As packaged: complete, with `python`, `entry_point`, `plugin_class` and `hooks` filled in.
        package_sha256: Hex digest of the package zip's bytes.
        layer_sha256: Hex digest of the layer zip's bytes; empty when the plugin has no dependencies.
        package_size_bytes: Zipped.
        layer_size_bytes: Zipped.
        unzipped_bytes: Code and layer together, as Lambda counts them.
        dependencies: Per locked package: `name`, `version`, `spec` (empty for one that came along), `size_bytes`
            (unzipped), `license`, `import_names`.
        findings: Warnings about manifest and code: among them what an author allows with a reason.
    """

    manifest: Manifest
    package_sha256: str
    layer_sha256: str
    package_size_bytes: int
    layer_size_bytes: int
    unzipped_bytes: int
    dependencies: tuple[dict[str, Any], ...] = ()
    findings: tuple[Finding, ...] = ()
