"""`services-ai-plugin create`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from services_ai_sdk.wire.errors import FindingsError, InvalidInputError


def create(
    name: Annotated[str, typer.Argument(help='The plugin\'s name: "Phone normalizer".')],
    *,
    into: Annotated[Path | None, typer.Option("--into", help="The new folder. Default: the name's slug.")] = None,
    author: Annotated[str, typer.Option(help="Person or company.")] = "",
    email: Annotated[str, typer.Option(help="Where admins reach you.")] = "you@example.com",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Make a plugin that works: manifest, code, a test, a README.

    Example: services-ai-plugin create "Phone normalizer" --email dev@example.com
    """
    from services_ai_sdk.cli.template import plugin_files
    from services_ai_sdk.manifest.complete import slug
    from services_ai_sdk.manifest.findings import raise_on_errors
    from services_ai_sdk.manifest.load import FILE_NAME, parse_manifest

    plugin_id = slug(name)
    if not plugin_id:
        raise InvalidInputError(f"no id can be made from the name {name!r}", hint="use a letter or a digit in it")
    files = plugin_files(name, plugin_id, author or _user(), email)
    try:
        raise_on_errors(parse_manifest(files[FILE_NAME].encode()).findings, "the new manifest")
    except FindingsError as error:
        # Nothing was checked that exists: what is wrong was typed here.
        raise InvalidInputError(error.message, code="usage", hint=error.hint, details=error.details) from error
    folder = into or Path(plugin_id)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInputError(
            f"{folder} is there already and not empty", code="folder-exists", hint="choose another with --into"
        )
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, "utf-8")
    if as_json:
        typer.echo(json.dumps({"id": plugin_id, "folder": str(folder), "files": sorted(files)}))
        return
    typer.echo(f"{plugin_id} is in {folder}: {', '.join(sorted(files))}")
    typer.echo(f"next: services-ai-plugin validate {folder}")


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user: in containers; Python 3.13 raises OSError, earlier ones KeyError
        return "me"
