"""`services-ai-plugin validate`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services_ai_sdk.bundler.source import SourceTree
    from services_ai_sdk.cli.report import Report
    from services_ai_sdk.manifest.findings import Finding

SIZE_WORTH_SAYING_BYTES = 1_000_000


def validate(
    path: Annotated[Path, typer.Argument(help="The plugin's folder or zip.")] = Path(),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    form: Annotated[
        Literal["text", "json", "github"], typer.Option("--format", help="github: annotations in a pull request.")
    ] = "text",
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what is safe first; say what was changed. Widens no permission.")
    ] = False,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON Schema of manifest.json, for editors, and check nothing."),
    ] = False,
) -> None:
    """Check manifest and code; every problem in one run. Exit code 1: there are errors.

    Example: services-ai-plugin validate my-plugin
    """
    if schema:
        from services_ai_sdk.manifest.schema import manifest_schema

        typer.echo(json.dumps(manifest_schema(), indent=2, ensure_ascii=False))
        return
    from services_ai_sdk.bundler.source import open_source
    from services_ai_sdk.cli.report import Format

    fixed: list[str] | None = None
    if fix:
        from services_ai_sdk.cli.fix import fix as mend

        fixed = mend(path)
    with open_source(path) as tree:
        report = _check(path, tree, fixed)
        typer.echo(report.printed(Format.JSON if as_json else Format(form), os.environ))
    if not report.ok:
        raise typer.Exit(1)


def _check(path: Path, tree: SourceTree, fixed: list[str] | None) -> Report:
    from services_ai_sdk.cli.report import Report
    from services_ai_sdk.cli.size_forecast import forecast
    from services_ai_sdk.manifest.complete import check_folder
    from services_ai_sdk.manifest.load import load_manifest

    loaded = load_manifest(tree.root)
    checked = check_folder(loaded, tree.root)
    findings, size, sizes = [*_wrapped(path, tree), *checked.findings], "", None
    if loaded.manifest is not None:
        sizes_found = forecast(loaded.manifest, tree)
        findings += sizes_found.findings()
        sizes = sizes_found.to_dict()
        if loaded.manifest.dependencies.packages or tree.size_bytes > SIZE_WORTH_SAYING_BYTES:
            size = sizes_found.words()
    return Report(path, tree.root, checked.manifest, findings, size, sizes, fixed or (), fixed is not None)


def _wrapped(path: Path, tree: SourceTree) -> Iterator[Finding]:
    from services_ai_sdk.manifest.findings import Finding, Severity
    from services_ai_sdk.manifest.load import FILE_NAME

    if path.is_dir():
        where = "" if path.resolve() == tree.root else tree.root.name
        mend = "validate --fix moves it up, where nothing else is beside it"
    else:
        import zipfile

        with zipfile.ZipFile(path) as archive:
            names = {name.removeprefix("./") for name in archive.namelist()}
        where = "" if FILE_NAME in names else tree.root.name
        mend = "zip the content of the folder, so that manifest.json is at the top"
    if where:
        text = f"the plugin is in {where}/ and not at the top: it is taken from there"
        yield Finding("source-wrapped", Severity.WARNING, text, FILE_NAME, fix=mend)
