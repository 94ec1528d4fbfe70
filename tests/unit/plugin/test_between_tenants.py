"""What a tenant's call leaves in /tmp, and what the next tenant finds there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services_ai_sdk.plugin.between_tenants import TenantFiles
from services_ai_sdk.plugin.handler import PluginRuntime


def leave(folder: Path) -> None:
    (folder / "note.txt").write_text("of a")
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "note.txt").write_text("of a")
    (folder / "link").symlink_to("/etc")
    (folder / "nowhere").symlink_to("/no/such/place")
    os.mkfifo(folder / "pipe")
    closed = folder / "closed"
    closed.mkdir()
    (closed / "x").write_text("of a")
    closed.chmod(0)


def test_another_tenant_finds_nothing_and_the_same_one_everything(tmp_path: Path) -> None:
    files = TenantFiles(str(tmp_path))
    files.keep()
    files.begin("a")
    leave(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    files.begin("a")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    files.begin("b")
    assert list(tmp_path.iterdir()) == []
    assert Path("/etc/passwd").exists()


def test_a_call_without_a_tenant_is_another_one(tmp_path: Path) -> None:
    files = TenantFiles(str(tmp_path))
    files.begin("")
    (tmp_path / "x").write_text("of nobody")
    files.begin("a")
    assert list(tmp_path.iterdir()) == []


def test_what_the_import_left_stays_until_a_call_changes_it(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("model/weights", "changed", "renewed", "touched"):
        (tmp_path / name).write_text("of the import")
    files = TenantFiles(str(tmp_path))
    files.keep()
    files.begin("a")
    was = (tmp_path / "touched").stat()
    (tmp_path / "changed").write_text("of a")
    (tmp_path / "renewed").unlink()
    (tmp_path / "renewed").write_text("of a")
    (tmp_path / "touched").write_text("of a, hidden.")
    os.utime(tmp_path / "touched", ns=(was.st_atime_ns, was.st_mtime_ns))
    (tmp_path / "model" / "more").write_text("of a")
    files.begin("b")
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["model", "model/weights"]


def test_what_the_import_closed_to_itself_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    files = TenantFiles(str(tmp_path / "gone"))
    files.keep()
    files = TenantFiles(str(tmp_path))
    files.begin("a")
    files.begin("b")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_nobody_s_own_is_left_alone(tmp_path: Path) -> None:
    files = TenantFiles("")
    files.keep()
    files.begin("a")
    (tmp_path / "x").write_text("x")
    files.begin("b")
    assert (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "LAMBDA_TASK_ROOT": "/var/task"}, "/tmp"),
        # Without a sandbox (--unsafe) the task root is a folder of the machine's, and so is /tmp.
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "LAMBDA_TASK_ROOT": "/home/me/store"}, ""),
        ({"LAMBDA_TASK_ROOT": "/var/task"}, ""),
        ({}, ""),
    ],
)
def test_only_a_private_tmp_is_emptied(environment: dict[str, str], folder: str) -> None:
    assert PluginRuntime(environment)._files._folder == folder
