"""A command in a new shell uses the local cloud that runs, says so once, and never in the place of AWS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.cloud


@pytest.fixture
def shell(cloud: Any, tmp_path: Path) -> Any:
    """Runs the admin's command in an environment in which nobody has set anything but the state directory."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "SERVICES_AI_HOME": str(cloud.state_dir),
            "AWS_EC2_METADATA_DISABLED": "true",
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-m", "control_plane.cli.main", *arguments],
            capture_output=True, text=True, check=False, timeout=60, env=environment,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("command", [("status",), ("errors",), ("status", "--json")])
def test_a_command_in_a_new_shell_finds_the_local_cloud(shell: Any, cloud: Any, command: tuple[str, ...]) -> None:
    done = shell(*command)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"· local cloud at {cloud.endpoint}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_PROFILE", "production"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
    ],
)
def test_an_environment_that_names_aws_is_never_answered_by_the_local_cloud(
    shell: Any, name: str, value: str
) -> None:
    done = shell("status", **{name: value})
    assert done.returncode == 3
    assert done.stdout == ""
    assert "local cloud at" not in done.stderr


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config", "[profile production]\nregion = eu-west-1\n"),
        ("credentials", "[default]\naws_access_key_id = A\n"),
    ],
)
def test_neither_is_one_with_a_profile(shell: Any, tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / file).write_text(text)
    done = shell("status")
    assert done.returncode == 3
    assert "local cloud at" not in done.stderr
    assert 'eval "$(services-ai-admin local env)"' in done.stderr


def test_a_profile_that_is_taste_alone_names_no_aws(shell: Any, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\noutput = json\ncli_pager =\n")
    assert shell("status").returncode == 0


def test_without_a_local_cloud_the_error_is_awss_own(shell: Any, tmp_path: Path) -> None:
    done = shell("status", SERVICES_AI_HOME=str(tmp_path / "none"))
    assert done.returncode == 3
    assert "region" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_configuration_that_cannot_be_read_is_no_fault_of_ours(shell: Any, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("no section = no file\n")
    done = shell("status")
    assert done.returncode == 3
    assert str(tmp_path / ".aws" / "config") in done.stderr
