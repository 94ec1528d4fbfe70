"""`services-ai-plugin validate`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def validate(
    path: Annotated[Path, typer.Argument(help="The plugin's folder or zip.")] = Path(),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
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
    from services_ai_sdk.cli.framed import framed, lines_in, summary
    from services_ai_sdk.manifest.complete import check_folder
    from services_ai_sdk.manifest.findings import errors
    from services_ai_sdk.manifest.load import load_manifest

    with open_source(path) as tree:
        checked = check_folder(load_manifest(tree.root), tree.root)
        manifest = checked.manifest
        failed = bool(errors(checked.findings))
        if as_json:
            answer = {
                "ok": not failed,
                "findings": [finding.to_dict() for finding in checked.findings],
                "manifest": manifest.to_dict() if manifest else None,
            }
            typer.echo(json.dumps(answer))
        else:
            colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            line_of = lines_in(tree.root, checked.findings)
            for finding in checked.findings:
                typer.echo(framed(finding, line_of, colour=colour) + "\n")
            if manifest:
                hooks = ", ".join(hook.name for hook in manifest.hooks) or "no hook of the catalogue"
                typer.echo(f"{manifest.id} {manifest.version}: {summary(checked.findings) or 'ok'} ({hooks})")
            else:
                typer.echo(summary(checked.findings))
    if failed:
        raise typer.Exit(1)
