"""Reads a submitted package again, as if nobody had checked it before."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.bundler.cache import sha256_of
from services_ai_sdk.bundler.dependencies import DependencyManager, PluginDependency, records
from services_ai_sdk.bundler.layer import ROOT, LayerPackage, check_layer
from services_ai_sdk.bundler.layer_contents import packages_in
from services_ai_sdk.bundler.lock import LOCK_NAME, Lock, read_lock, satisfies
from services_ai_sdk.bundler.target import target_for
from services_ai_sdk.manifest.complete import check_folder
from services_ai_sdk.manifest.findings import Finding, Severity, raise_on_errors
from services_ai_sdk.manifest.inspected import InspectedPackage
from services_ai_sdk.manifest.load import FILE_NAME, load_manifest
from services_ai_sdk.manifest.model import Manifest
from services_ai_sdk.manifest.specs import requirements
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError
from services_ai_sdk.wire.limits import UNZIPPED_MAX_BYTES

_DIST_INFO = re.compile(rf"{ROOT}([^/]+)-([^/-]+)\.dist-info/METADATA")


class Inspector:
    """Checks packages that anybody may have written. Runs none of their code.

    Args:
        machine: The architecture that packages must be built for; this machine's when left out.
    """

    def __init__(self, machine: str | None = None) -> None:
        self.machine = machine

    def inspect(self, package: Path, layer: Path | None) -> InspectedPackage:
        """Checks everything that `package` promised.

        Args:
            package: `….zip` as `package` wrote it.
            layer: `….layer.zip`; None when there is none.

        Raises:
            InvalidInputError: Unsafe or malformed; nothing is left on disk.
            FindingsError: Well-formed, but a check refuses it; `details["findings"]` has them.
        """
        manifest, lock, unzipped_bytes, warnings = self._read(package)
        findings = list(_lock_findings(manifest, lock))
        layer_sha256, layer_size_bytes = "", 0
        contents: dict[str, LayerPackage] = {}
        if layer is not None:
            with Archive(layer, what="the layer") as archive:
                layer_sha256, layer_size_bytes = sha256_of(layer), archive.size_bytes
                check_layer(archive)
                archive.verify()
                contents = packages_in(archive)
                unzipped_bytes += archive.unzipped_bytes
                findings += _layer_findings(manifest, lock, archive, layer_sha256)
        elif manifest.layer is not None:
            findings.append(_finding("layer-missing", "it has dependencies, and there is no layer beside it"))
        if unzipped_bytes > UNZIPPED_MAX_BYTES:
            text = f"code and layer unpack to {unzipped_bytes:,} bytes; Lambda takes {UNZIPPED_MAX_BYTES:,}"
            findings.append(_finding("layer-too-large", text))
        raise_on_errors(findings, package.name)
        return InspectedPackage(
            manifest=manifest,
            package_sha256=sha256_of(package),
            layer_sha256=layer_sha256,
            package_size_bytes=package.stat().st_size,
            layer_size_bytes=layer_size_bytes,
            unzipped_bytes=unzipped_bytes,
            dependencies=tuple(
                _dependency(record, contents.get(record.package))
                for record in records(manifest.plugin_id, manifest.dependencies.packages, lock, None)
            ),
            findings=warnings,
        )

    def _read(self, package: Path) -> tuple[Manifest, Lock, int, tuple[Finding, ...]]:
        folder = Path(tempfile.mkdtemp(prefix="services-ai-inspect-"))
        try:
            root = folder / "package"
            with Archive(package, what="the package") as archive:
                for name in (FILE_NAME, LOCK_NAME):
                    entry = archive.get(name)
                    if entry is None or entry.folder:
                        raise InvalidInputError(
                            f"the package has no {name} at its top: it was not made by services-ai-plugin package",
                            code="package-incomplete",
                            hint="submit what services-ai-plugin package wrote",
                            details={"entry": name},
                        )
                _check_names(archive)
                archive.extract(root)
                unzipped_bytes = archive.unzipped_bytes
            manifest, warnings = _manifest(root)
            assert manifest.python is not None
            lock = read_lock(root / LOCK_NAME, target_for(manifest.python, self.machine))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return manifest, lock, unzipped_bytes, warnings


def _dependency(record: PluginDependency, found: LayerPackage | None) -> dict[str, Any]:
    row = {"name": record.package, "version": record.version, "spec": record.spec}
    size_bytes, stated, names = (found.size_bytes, found.license, found.import_names) if found else (0, "", ())
    return {**row, "size_bytes": size_bytes, "license": stated, "import_names": list(names)}


def verify(
    package: Path, layer: Path, dependencies: DependencyManager, inspector: Inspector | None = None
) -> None:
    """Builds the layer anew from the package's lock and compares the bytes. Fetches wheels; runs nothing of them.

    Raises:
        FindingsError: `layer-not-reproduced`: the layer is not what the lock makes; or as `inspect`.
        InvalidInputError: As `inspect`.
        PlatformError: A wheel could not be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="services-ai-verify-") as folder:
        inspected = (inspector or Inspector()).inspect(package, layer)
        with Archive(package, what="the package") as archive:
            archive.extract(Path(folder) / "package")
        assert inspected.manifest.python is not None
        machine = inspector.machine if inspector else None
        lock = read_lock(Path(folder) / "package" / LOCK_NAME, target_for(inspected.manifest.python, machine))
        made = dependencies.rebuild(lock, Path(folder) / "layer.zip")
    if made.sha256 != inspected.layer_sha256:
        raise FindingsError(
            f"the layer is not what {LOCK_NAME} makes: {inspected.layer_sha256[:12]} was submitted, "
            f"{made.sha256[:12]} came out",
            code="layer-not-reproduced",
            hint="ask the author to run services-ai-plugin package again and to submit that",
            details={"submitted": inspected.layer_sha256, "rebuilt": made.sha256},
        )


def _manifest(root: Path) -> tuple[Manifest, tuple[Finding, ...]]:
    loaded = load_manifest(root)
    checked = check_folder(loaded, root)
    findings = list(checked.findings)
    stated, true = loaded.manifest, checked.manifest
    if stated is not None and true is not None:
        for field in ("id", "entry_point", "plugin_class", "hooks"):
            if getattr(stated, field) != getattr(true, field):
                text = f"{field!r} does not say what the code says"
                findings.append(_finding("manifest-differs", text, FILE_NAME))
        if stated.python is None:
            findings.append(_finding("manifest-incomplete", "'python' is missing", FILE_NAME))
    raise_on_errors(findings, "the package")
    assert stated is not None
    return stated, tuple(findings)


def _check_names(archive: Archive) -> None:
    for entry in archive.files():
        # Before any suffix: an extension module would be found before the platform's own too.
        if entry.name.split("/")[0].partition(".")[0] == "services_ai_sdk":
            reason = "would hide the platform's own module"
        elif "__pycache__" in entry.name.split("/") or entry.name.endswith(".pyc"):
            reason = "is compiled bytecode, which can differ from its source"
        else:
            continue
        raise InvalidInputError(
            f"the package has {entry.name!r}, which {reason}",
            code="package-invalid",
            details={"entry": entry.name},
        )


def _lock_findings(manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    wanted = requirements(manifest.dependencies.packages)
    if lock.requirements is None or not satisfies(lock, wanted):
        yield _finding("lock-stale", "it was made for other dependencies than the manifest names", LOCK_NAME)
    for wheel in lock.wheels:
        if wheel.location.startswith("file:"):
            yield _finding("lock-local-file", f"{wheel.filename} points at a file of another machine", LOCK_NAME)
    if bool(lock.wheels) != (manifest.layer is not None):
        yield _finding("layer-missing", "lock and 'layer' disagree on whether there are dependencies", FILE_NAME)


def _layer_findings(manifest: Manifest, lock: Lock, archive: Archive, sha256: str) -> Iterator[Finding]:
    stated = manifest.layer
    if stated is None:
        yield _finding("layer-unexpected", "there is a layer, and the manifest names none", FILE_NAME)
        return
    if (stated.sha256, stated.size_bytes, stated.unzipped_bytes) != (
        sha256,
        archive.size_bytes,
        archive.unzipped_bytes,
    ):
        yield _finding("layer-differs", "the layer is not the one whose digest stands in the manifest", FILE_NAME)
    found = [_DIST_INFO.fullmatch(entry.name) for entry in archive.files()]
    there = {(str(canonicalize_name(match[1])), match[2]) for match in found if match}
    locked = {wheel.name for wheel in lock.wheels}
    for name in sorted(locked - {name for name, _ in there}):
        yield _finding("layer-differs", f"{name} is locked, and the layer does not have it", LOCK_NAME)
    for name in sorted({name for name, _ in there} - locked):
        yield _finding("layer-differs", f"the layer has {name}, which is not locked", LOCK_NAME)


def _finding(code: str, message: str, file: str = "package") -> Finding:
    return Finding(code, Severity.ERROR, message, file, fix="make it anew with services-ai-plugin package")
