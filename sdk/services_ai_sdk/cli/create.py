"""`services-ai-plugin create`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from services_ai_sdk.wire.errors import FindingsError, InvalidInputError

EMAIL = "you@example.com"


def create(
    name: Annotated[
        str, typer.Argument(help='The plugin\'s name: "Phone normalizer". Asked for in a terminal when left out.')
    ] = "",
    *,
    template: Annotated[
        str, typer.Option("--template", help="event (default), enrich (with a PyPI package) or widget.")
    ] = "",
    into: Annotated[Path | None, typer.Option("--into", help="The new folder. Default: the name's slug.")] = None,
    author: Annotated[str, typer.Option(help="Person or company.")] = "",
    email: Annotated[str, typer.Option(help="Where admins reach you.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Make a plugin that works: manifest, typed code, tests, payloads, a CI workflow.

    Examples: services-ai-plugin create "Phone normalizer" --email dev@example.com, … create Day --template widget
    """
    from services_ai_sdk.cli.template import TEMPLATES, plugin_files
    from services_ai_sdk.manifest.complete import slug
    from services_ai_sdk.manifest.findings import raise_on_errors
    from services_ai_sdk.manifest.load import FILE_NAME, parse_manifest

    if not name:
        name, template, email = _asked(template, email)
    template = template or next(iter(TEMPLATES))
    if template not in TEMPLATES:
        known = ", ".join(f"{each.name} ({each.summary})" for each in TEMPLATES.values())
        raise InvalidInputError(
            f"there is no template {template[:50]!r}", code="usage", hint=f"the templates are {known}"
        )
    plugin_id = slug(name)
    if not plugin_id:
        raise InvalidInputError(f"no id can be made from the name {name!r}", hint="use a letter or a digit in it")
    files = plugin_files(TEMPLATES[template], name, plugin_id, author or _user(), email or EMAIL)
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
    typer.echo(f"{plugin_id} is in {folder}:")
    for file in sorted(files):
        typer.echo(f"  {file}")
    typer.echo(f"next: services-ai-plugin test {folder}")


def _asked(template: str, email: str) -> tuple[str, str, str]:
    """Name, template and address from a person; those given as options are not asked for."""
    from services_ai_sdk.cli.template import TEMPLATES

    if not sys.stdin.isatty():
        raise InvalidInputError(
            "the plugin's name is missing", code="usage", hint='services-ai-plugin create "Phone normalizer"'
        )
    name: str = typer.prompt("Name of the plugin", err=True)
    for each in TEMPLATES.values():
        typer.echo(f"  {each.name:<8} {each.summary}", err=True)
    template = template or typer.prompt("Template", default=next(iter(TEMPLATES)), err=True)
    return name, template, email or typer.prompt("Where admins reach you", default=EMAIL, err=True)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user: in containers; Python 3.13 raises OSError, earlier ones KeyError
        return "me"
