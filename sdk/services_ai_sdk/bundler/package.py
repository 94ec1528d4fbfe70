"""From a plugin's folder to what is submitted: the package zip, and the layer zip beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from services_ai_sdk.bundler import cache
from services_ai_sdk.bundler.archive import Archive
from services_ai_sdk.bundler.dependencies import DependencyManager, PluginDependency, records
from services_ai_sdk.bundler.import_check import ImportCheck, Subject, own_modules
from services_ai_sdk.bundler.layer import BuiltLayer
from services_ai_sdk.bundler.layer_size import check_size
from services_ai_sdk.bundler.lock import LOCK_NAME, Lock
from services_ai_sdk.bundler.resolve import Progress
from services_ai_sdk.bundler.source import SourceTree, open_source
from services_ai_sdk.bundler.zipwriter import Item, ZipFacts, write_zip
from services_ai_sdk.manifest.complete import check_folder
from services_ai_sdk.manifest.findings import Finding, raise_on_errors
from services_ai_sdk.manifest.load import FILE_NAME, load_manifest
from services_ai_sdk.manifest.model import LayerDigest, Manifest
from services_ai_sdk.manifest.specs import package_name
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError


@dataclass(frozen=True, slots=True)
class BuiltPackage:
    """What `package` made.

    Attributes:
        layer: None when the plugin has no dependencies.
        manifest: As it stands in the package: complete.
        layer_sha256: Empty when there is no layer.
        unzipped_bytes: Code and layer together, as Lambda counts them.
        cached: The layer came from the cache.
        dependencies: A record a package.
        findings: Warnings about manifest and code; errors are raised.
        warnings: What the resolver and the layer had to say.
        files: Name and size in bytes of each file in the package.
    """

    package: Path
    layer: Path | None
    manifest: Manifest
    package_sha256: str
    layer_sha256: str
    package_size_bytes: int
    layer_size_bytes: int
    unzipped_bytes: int
    cached: bool
    dependencies: tuple[PluginDependency, ...] = ()
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[tuple[str, int], ...] = ()


def build_package(
    source: Path,
    out_dir: Path,
    *,
    progress: Progress = lambda _: None,
    dependencies: DependencyManager | None = None,
    imports: ImportCheck | None = None,
) -> BuiltPackage:
    """Checks a plugin, resolves and builds its dependencies, and writes `<id>-<version>.zip` and `….layer.zip`.

    The same files and the same lock give the same bytes. Nothing is written beside the plugin's sources.

    Args:
        source: The plugin's folder or zip.
        out_dir: Made if it is not there.
        progress: Takes what is going on, a line at a time.
        dependencies: As the environment says when left out.
        imports: Proves that what was built can be imported before any of it is left in `out_dir`.

    Raises:
        InvalidInputError: The source cannot be read or packaged.
        FindingsError: Manifest, code or dependencies are wrong; `details["findings"]` where there are several.
        PlatformError: uv, the index or the disk.
    """
    with open_source(source, leave_out=out_dir) as tree:
        progress("checking the manifest and the code")
        checked = check_folder(load_manifest(tree.root), tree.root)
        raise_on_errors(checked.findings, source.resolve().name)
        assert checked.manifest is not None
        manifest = checked.manifest
        _check_entry_point(manifest, tree)
        packages = manifest.dependencies.packages
        manager = dependencies or DependencyManager.from_environment(progress)
        lock = manager.resolve(packages, manifest.python, tree.root)
        layer = manager.layer(lock)
        if layer:
            check_size([package.sized() for package in layer.packages], lock, tree.size_bytes)
            if any(finding.code == "import-undeclared" for finding in checked.findings):
                # What was a guess by the packages' names is known now.
                names = _declared_imports(manifest, layer)
                checked = check_folder(load_manifest(tree.root), tree.root, names)
                raise_on_errors(checked.findings, source.resolve().name)
        manifest = _final(manifest, lock, layer)
        target = out_dir / f"{manifest.plugin_id}-{manifest.version}.zip"
        unproven = target.with_name(f".{target.name}.unproven")
        try:
            made = write_zip(unproven, _items(tree, manifest, lock))
            with Archive(unproven) as archive:
                files = tuple((entry.name, entry.size_bytes) for entry in archive.files())
            not_proven = imports.prove(_subject(manifest, unproven, made, layer, tree)) if imports else ""
            placed = _place_layer(manager, lock, layer, target.with_suffix(".layer.zip"))
            unproven.replace(target)
        except OSError as error:
            raise PlatformError(
                f"the package could not be written to {out_dir}: {error.strerror or error}",
                code="package-unwritable",
            ) from error
        finally:
            unproven.unlink(missing_ok=True)
    return BuiltPackage(
        package=target,
        layer=placed,
        manifest=manifest,
        package_sha256=made.sha256,
        layer_sha256=layer.sha256 if layer else "",
        package_size_bytes=made.size_bytes,
        layer_size_bytes=layer.size_bytes if layer else 0,
        unzipped_bytes=made.unzipped_bytes + (layer.unzipped_bytes if layer else 0),
        cached=layer.cached if layer else False,
        dependencies=records(manifest.plugin_id, packages, lock, layer),
        findings=checked.findings,
        warnings=(*lock.warnings, *(layer.warnings if layer else ()), *([not_proven] if not_proven else [])),
        files=files,
    )


def _declared_imports(manifest: Manifest, layer: BuiltLayer) -> frozenset[str]:
    declared = {package_name(name) for name in manifest.dependencies.packages}
    return frozenset(
        name for package in layer.packages if package.name in declared for name in package.import_names
    )


def _subject(
    manifest: Manifest, code: Path, made: ZipFacts, layer: BuiltLayer | None, tree: SourceTree
) -> Subject:
    declared = (package_name(name) for name in manifest.dependencies.packages)
    assert manifest.python is not None
    return Subject(
        plugin_id=manifest.plugin_id,
        python=manifest.python,
        memory_mb=manifest.limits.memory_mb,
        code=code,
        code_sha256=made.sha256,
        layer=layer.path if layer else None,
        layer_sha256=layer.sha256 if layer else "",
        declared=tuple(sorted(declared)),
        packages=layer.packages if layer else (),
        modules=tuple(own_modules(file.name for file in tree.files)),
    )


def manifest_text(manifest: Manifest) -> str:
    """manifest.json as it stands in a package."""
    return json.dumps(manifest.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _final(manifest: Manifest, lock: Lock, layer: BuiltLayer | None) -> Manifest:
    digest = layer and LayerDigest(
        sha256=layer.sha256, size_bytes=layer.size_bytes, unzipped_bytes=layer.unzipped_bytes
    )
    return manifest.model_copy(update={"python": lock.target.runtime, "layer": digest})


def _items(tree: SourceTree, manifest: Manifest, lock: Lock) -> list[Item]:
    earlier = f"{manifest.plugin_id}-*.zip"
    items = [
        Item(file.name, file.path, file.executable)
        for file in tree.files
        if file.name not in (FILE_NAME, LOCK_NAME) and not fnmatchcase(file.name, earlier)
    ]
    items.append(Item(FILE_NAME, manifest_text(manifest).encode()))
    items.append(Item(LOCK_NAME, lock.to_toml().encode()))
    return items


def _check_entry_point(manifest: Manifest, tree: SourceTree) -> None:
    names = {file.name for file in tree.files}
    module = manifest.entry_point.replace(".", "/")
    if not names & {manifest.entry_point, f"{module}.py", f"{module}/__init__.py"}:
        raise InvalidInputError(
            f"the entry point {manifest.entry_point} is in a folder that packages leave out",
            code="entry-point-left-out",
            hint="move it out of tests/, dist/, build/ and folders whose name begins with a dot",
        )


def _place_layer(manager: DependencyManager, lock: Lock, layer: BuiltLayer | None, target: Path) -> Path | None:
    """Copies the layer beside the package; a layer left there by an earlier build goes when there is none now."""
    if layer is None:
        cache.remove(target)
        return None
    if cache.copy(layer.path, target) == layer.sha256:
        return target
    cache.remove(layer.path)  # damaged on disk: made anew from its wheels
    again = manager.layer(lock)
    if again is None or cache.copy(again.path, target) != layer.sha256:
        cache.remove(target)
        raise PlatformError(
            "the layer in the cache was damaged, and a new one came out different", code="cache-damaged"
        )
    return target
