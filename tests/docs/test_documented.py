"""What users meet is documented: a hook, command, option, manifest field or setting that is not fails here."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import typer
import typer.main

from services_ai_sdk import hooks
from services_ai_sdk.manifest.model import Manifest

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
SHIPPED = [ROOT / "sdk", ROOT / "control_plane", ROOT / "infra", ROOT / "functions"]
FUNCTION_SETTINGS = {
    # What template.yaml sets on the platform's own functions; nobody else sets them.
    "SERVICES_AI_TABLE",
    "SERVICES_AI_OUTCOMES_QUEUE_URL",
    "SERVICES_AI_ALERTS_TOPIC_ARN",
    "SERVICES_AI_FRESHNESS_S",
    "SERVICES_AI_FOLD_WINDOW_S",
}


def text(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def commands(app: typer.Typer, prefix: str) -> dict[str, click.Command]:
    """Every command of a tool that does something, by what a person types."""
    found: dict[str, click.Command] = {}

    def walk(command: click.Command, path: str) -> None:
        subcommands = getattr(command, "commands", None)
        if not subcommands:
            found[path] = command
            return
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            walk(child, f"{path} {name}")

    walk(typer.main.get_command(app), prefix)
    return found


def all_commands() -> dict[str, click.Command]:
    from control_plane.cli.main import build_app
    from services_ai_sdk.cli.main import app as plugin

    return {**commands(build_app(), "services-ai-admin"), **commands(plugin, "services-ai-plugin")}


def test_there_are_commands() -> None:
    assert len(all_commands()) >= 16


@pytest.mark.parametrize("path", sorted(all_commands()))
def test_every_command_is_in_the_reference(path: str) -> None:
    assert re.search(rf"`{re.escape(path)}[ `]", text("commands.md")), (
        f"{path} is not in docs/reference/commands.md"
    )


@pytest.mark.parametrize("path", sorted(all_commands()))
def test_every_command_says_what_it_is_for(path: str) -> None:
    command = all_commands()[path]
    assert command.help


@pytest.mark.parametrize("name", hooks.names())
def test_every_hook_is_in_the_reference_with_its_parameters(name: str) -> None:
    (row,) = [line for line in text("hooks.md").splitlines() if line.startswith(f"| `{name}` |")]
    spec = hooks.get(name)
    assert ", ".join(f"`{parameter.name}`" for parameter in spec.parameters) in row
    assert spec.summary in row


@pytest.mark.parametrize("name", sorted(Manifest.model_fields))
def test_every_manifest_field_is_in_the_reference(name: str) -> None:
    assert f"`{name}" in text("manifest.md")


def settings_in_code() -> set[str]:
    found: set[str] = set()
    for folder in SHIPPED:
        for path in folder.rglob("*.py"):
            found |= set(re.findall(r"\"(SERVICES_AI_[A-Z_]+)\"", path.read_text(encoding="utf-8")))
    return found - FUNCTION_SETTINGS


def test_settings_are_found() -> None:
    assert {"SERVICES_AI_HOME", "SERVICES_AI_DISPATCHER", "SERVICES_AI_CACHE"} <= settings_in_code()


@pytest.mark.parametrize("name", sorted(settings_in_code()))
def test_every_setting_is_in_the_reference(name: str) -> None:
    assert f"`{name}`" in text("commands.md")


def markdown() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("path", markdown(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for path in markdown():
        for number, code in enumerate(
            re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        ):
            found.append((f"{path.relative_to(ROOT)}#{number}", code))
    return found


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in blocks("python")])
def test_python_in_the_documentation_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICES_AI_DISPATCHER", "services-ai-dispatcher")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    exec(compile(code, "documentation", "exec"), {"__name__": "documentation"})


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in blocks("json")])
def test_json_in_the_documentation_is_what_the_manifest_takes(code: str) -> None:
    import json

    whole = code if code.lstrip().startswith("{") else f"{{{code}}}"
    required = {"name": "n", "version": "1", "description": "d", "author": "a", "email": "a@example.com"}
    Manifest.model_validate({**required, **json.loads(whole)})
