"""`services-ai-plugin package`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

FILES_SHOWN = 15


def package(
    path: Annotated[Path, typer.Argument(help="The plugin's folder or zip.")] = Path(),
    *,
    out: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("dist"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Resolve, lock and build the dependencies, prove that all of it imports, write the package and its layer.

    Example: services-ai-plugin package my-plugin --out dist
    """
    from services_ai_sdk.bundler.import_check import ImportCheck
    from services_ai_sdk.bundler.package import build_package
    from services_ai_sdk.cli.errors import printable
    from services_ai_sdk.wire.limits import UNZIPPED_MAX_BYTES

    def progress(line: str) -> None:
        typer.echo(f"· {line}", err=True)

    built = build_package(path, out, progress=progress, imports=ImportCheck.from_environment(progress))
    manifest = built.manifest
    answer = {
        "id": manifest.id,
        "version": manifest.version,
        "python": manifest.python,
        "hooks": [hook.name for hook in manifest.hooks],
        "package": str(built.package),
        "layer": str(built.layer) if built.layer else None,
        "package_sha256": built.package_sha256,
        "layer_sha256": built.layer_sha256,
        "package_size_bytes": built.package_size_bytes,
        "layer_size_bytes": built.layer_size_bytes,
        "unzipped_bytes": built.unzipped_bytes,
        "files": [{"name": name, "size_bytes": size_bytes} for name, size_bytes in built.files],
        "cached": built.cached,
        "dependencies": [dependency.to_dict() for dependency in built.dependencies],
        "findings": [finding.to_dict() for finding in built.findings],
        "warnings": list(built.warnings),
    }
    if as_json:
        typer.echo(json.dumps(answer))
        return
    for finding in built.findings:
        typer.echo(f"{finding.severity}: {finding.where()}: {finding.message}", err=True)
    for warning in built.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{manifest.id} {manifest.version} for {manifest.python}")
    typer.echo(
        f"  package  {built.package}  {_size(built.package_size_bytes)}  sha256 {built.package_sha256[:12]}…"
    )
    for name, size_bytes in built.files[:FILES_SHOWN]:
        typer.echo(f"    {_size(size_bytes):>8}  {printable(name)}")
    if len(built.files) > FILES_SHOWN:
        typer.echo(f"              … and {len(built.files) - FILES_SHOWN} more files")
    if built.layer:
        kept = ", from the cache" if built.cached else ""
        typer.echo(f"  layer    {built.layer}  {_size(built.layer_size_bytes)}{kept}")
    for dependency in built.dependencies:
        wanted = f"  ({dependency.spec})" if dependency.spec else ""
        typer.echo(f"    {_size(dependency.size_bytes):>8}  {dependency.package} {dependency.version}{wanted}")
    share = built.unzipped_bytes / UNZIPPED_MAX_BYTES
    typer.echo(f"  unzipped {_size(built.unzipped_bytes)}, {share:.0%} of what Lambda takes")
    typer.echo(f"next: services-ai-plugin submit {built.package}")


def _size(size_bytes: int) -> str:
    if size_bytes < 1024:
        return f"{size_bytes} B"
    return f"{size_bytes / 1024:,.0f} KB" if size_bytes < 1024 * 1024 else f"{size_bytes / 1024 / 1024:,.1f} MB"
