"""What a command ends with is what the demo ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.demo.__main__ import main
from infra.demo.commands import Commands
from services_ai_sdk.wire.errors import ServicesAIError


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "SERVICES_AI_HOME": str(tmp_path / "none")}
    return Commands(environment, lambda _: None)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("services-ai-plugin", "validate", "/nowhere"), 2),
        (("services-ai-admin", "nonsense"), 2),
        (("services-ai-admin", "local", "status"), 3),
    ],
)
def test_the_exit_code_of_a_command_is_kept(commands: Commands, command: tuple[str, ...], code: int) -> None:
    for run in (commands.data, commands.text):
        with pytest.raises(ServicesAIError) as caught:
            run(*command)
        assert caught.value.exit_code == code
        assert caught.value.hint


def test_findings_are_1(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin" / "manifest.json").write_text("{}")
    (tmp_path / "plugin" / "main.py").write_text("x = 1")
    with pytest.raises(ServicesAIError) as caught:
        commands.data("services-ai-plugin", "package", str(tmp_path / "plugin"))
    assert caught.value.exit_code == 1
    assert caught.value.details["findings"]


def test_a_path_that_is_not_there_is_invalid_input(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--plugin", str(tmp_path / "none"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "invalid-input"
