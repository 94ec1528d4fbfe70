"""`services-ai-admin settings PLUGIN [set NAME [VALUE] | unset NAME]`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from control_plane.cli import screen
from control_plane.cli.screen import JsonOption, PluginArgument
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from control_plane.operations.settings import SettingsDesk, ShownSetting

_USAGE = "services-ai-admin settings PLUGIN, … settings PLUGIN set NAME [VALUE], … settings PLUGIN unset NAME"


def settings(
    plugin: PluginArgument,
    action: Annotated[str, typer.Argument(metavar="[set|unset]", help="Left out: list them.")] = "list",
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Of the setting.")] = "",
    value: Annotated[
        str | None,
        typer.Argument(metavar="[VALUE]", help="Left out, and always of a secret: asked for, or stdin."),
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show or change what a plugin is set to. A secret is asked for, or read from standard input."""
    from control_plane.cli.plane import actor, control_plane

    if action not in ("list", "set", "unset") or (action == "list") == bool(name):
        raise InvalidInputError(f"settings {action} does not go like that", code="usage", hint=_USAGE)
    desk = control_plane().settings_desk
    if action == "list":
        _list(plugin, desk.all(plugin), as_json=as_json)
        return
    if action == "unset":
        if value is not None:
            raise InvalidInputError("unset takes no value", code="usage", hint=_USAGE)
        shown = desk.unset(plugin, name, actor=actor())
    else:
        shown = desk.set(plugin, name, _value(desk, plugin, name, value), actor=actor())
    if as_json:
        screen.print_json({"plugin": plugin, "setting": shown.to_dict()})
        return
    typer.echo(f"{plugin}: {name} is {_in_words(shown)}")


def _value(desk: SettingsDesk, plugin: str, name: str, value: str | None) -> str:
    secret = bool(desk.declared(plugin, name).get("secret"))
    if value is not None and secret:
        raise InvalidInputError(
            f"{name!r} is secret: a command line stays in the shell's history, and everyone here can see it",
            code="secret-on-command-line",
            hint=f"leave the value out and it is asked for, or: … settings {plugin} set {name} < FILE;"
            " the one you gave should be replaced at its source",
        )
    if value is not None:
        return value
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=secret, err=True))
    text = sys.stdin.read()
    if not text.strip():
        raise InvalidInputError(f"nothing was given for {name!r}", code="usage", hint=_USAGE)
    return text.removesuffix("\n").removesuffix("\r")


def _list(plugin: str, rows: list[ShownSetting], *, as_json: bool) -> None:
    if as_json:
        screen.print_json({"plugin": plugin, "settings": [row.to_dict() for row in rows]})
        return
    if not rows:
        typer.echo(f"{plugin} has no settings.")
        return
    fields = []
    for row in rows:
        kind = str(row.declared.get("type", "string"))
        needed = ", required" if row.declared.get("required") else ""
        about = row.declared.get("description") or row.declared.get("label") or ""
        said = f"{_in_words(row)}  ({kind}{needed}){f'  {about}' if about else ''}"
        fields.append((screen.safe_line(row.name, 60), screen.safe_line(said, 400)))
    screen.print_fields(fields)


def _in_words(row: ShownSetting) -> str:
    if row.declared.get("secret"):
        return f"(secret, set at {screen.at(row.set_at_ms)})" if row.set_at_ms is not None else "(secret, not set)"
    shown = "not set" if row.value is None else screen.safe_line(str(row.value), 200)
    if row.source == "misfit":
        return f"{shown} (default: what was set for an earlier version is not of its type)"
    return f"{shown} (default)" if row.source == "default" else shown
