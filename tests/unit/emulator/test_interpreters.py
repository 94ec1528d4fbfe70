"""Which Python is taken: one that really runs, of the version asked for, where the user says first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services_ai_sdk.emulator.errors import EmulatorError, InterpreterMissingError
from services_ai_sdk.emulator.interpreters import find_interpreter, open_up, python_of

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
BASE = Path(getattr(sys, "_base_executable", sys.executable))
NOT_OURS = "3.8" if OWN != "3.8" else "3.9"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def nowhere(tmp_path: Path, **more: str) -> dict[str, str]:
    """An environment that leads to no Python by itself."""
    return {"PATH": "", "HOME": str(tmp_path / "home"), **more}


def claims(version: str, implementation: str = "cpython") -> str:
    return (
        "#!/bin/sh\n"
        f'echo \'{{"version": "{version}", "implementation": "{implementation}", "binary": "\'$0\'",'
        ' "base": "/", "stdlib": "/", "dynload": "", "libdir": "", "library": "", "soabi": ""}\'\n'
    )


@pytest.mark.parametrize(("runtime", "minor"), [("python3.11", "3.11"), ("python3.9", "3.9")])
def test_python_of_a_runtime(runtime: str, minor: str) -> None:
    assert python_of(runtime) == minor


@pytest.mark.parametrize(
    "runtime", ["", "python", "python3", "python3.", "python3.11\n", "python3.11x", "Python3.11", "python2.7",
                "python3.111", "nodejs22.x", "../python3.11", "python3.11/../.."],
)  # fmt: skip
def test_runtime_that_is_no_python(runtime: str) -> None:
    with pytest.raises(EmulatorError):
        python_of(runtime)


def test_the_running_interpreter_is_found_without_any_environment(tmp_path: Path) -> None:
    found = find_interpreter(OWN, nowhere(tmp_path))
    assert found.minor == OWN
    assert found.version.startswith(f"{OWN}.")
    assert found.binary == BASE.resolve()


def test_shim_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    name = f"python{NOT_OURS}"
    broken = [
        program(tmp_path / "shim" / name, "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"),
        program(tmp_path / "mute" / name, "#!/bin/sh\nexit 0\n"),
        program(tmp_path / "babbles" / name, "#!/bin/sh\necho '[1, 2]'\n"),
        program(tmp_path / "no-format" / name, "\x7fELF but not really"),
        program(tmp_path / "interpreter-gone" / name, "#!/nowhere/sh\n"),
        program(tmp_path / "other-version" / name, claims("3.7.1")),
        program(tmp_path / "pypy" / name, claims(f"{NOT_OURS}.1", "pypy")),
    ]
    (tmp_path / "folder" / name).mkdir(parents=True)
    not_executable = program(tmp_path / "plain" / name, claims(f"{NOT_OURS}.1"))
    not_executable.chmod(0o644)
    good = program(tmp_path / "good" / name, claims(f"{NOT_OURS}.4"))
    path = ":".join(
        str(entry) for entry in (*(each.parent for each in broken), tmp_path / "folder", not_executable.parent,
                                 "", "/absent", good.parent)
    )  # fmt: skip
    found = find_interpreter(NOT_OURS, nowhere(tmp_path, PATH=path))
    assert found.version == f"{NOT_OURS}.4"
    assert found.binary == good


def test_missing_python_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InterpreterMissingError) as caught:
        find_interpreter("3.99", nowhere(tmp_path))
    assert caught.value.python == "3.99"
    assert "uv python install 3.99" in caught.value.hint
    assert "SERVICES_AI_PYTHONS" in caught.value.hint


def test_the_way_to_get_it_runs_where_uv_is_not_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    command = InterpreterMissingError("3.99").hint.split("`")[1]
    program, *arguments = command.split()
    assert arguments == ["-m", "uv", "python", "install", "3.99"]
    subprocess.run([program, "-m", "uv", "--version"], check=True, capture_output=True)


@pytest.mark.parametrize("shape", ["binary", "folder", "prefix", "among others"])
def test_what_the_user_names_comes_first(tmp_path: Path, shape: str) -> None:
    name = f"python{OWN}"
    mine = program(tmp_path / "mine" / ("bin" if shape == "prefix" else "") / name, claims(f"{OWN}.77"))
    named = {"binary": mine, "folder": mine.parent, "prefix": mine.parent.parent, "among others": mine}[shape]
    listed = f"/absent:{tmp_path}::{named}" if shape == "among others" else str(named)
    found = find_interpreter(OWN, nowhere(tmp_path, SERVICES_AI_PYTHONS=listed))
    assert found.version == f"{OWN}.77"


def test_what_the_user_names_and_does_not_fit_is_passed_over(tmp_path: Path) -> None:
    other = program(tmp_path / f"python{NOT_OURS}", claims(f"{NOT_OURS}.1"))
    assert find_interpreter(OWN, nowhere(tmp_path, SERVICES_AI_PYTHONS=str(other))).binary == BASE.resolve()


@pytest.mark.parametrize("tool", ["pyenv", "uv"])
def test_newest_patch_of_what_pyenv_and_uv_hold(tmp_path: Path, tool: str) -> None:
    for patch in (2, 10, 9):
        folder = f"{NOT_OURS}.{patch}" if tool == "pyenv" else f"cpython-{NOT_OURS}.{patch}-linux-x86_64-gnu"
        root = tmp_path / "versions" if tool == "pyenv" else tmp_path
        program(root / folder / "bin" / f"python{NOT_OURS}", claims(f"{NOT_OURS}.{patch}"))
    name = "PYENV_ROOT" if tool == "pyenv" else "UV_PYTHON_INSTALL_DIR"
    assert find_interpreter(NOT_OURS, nowhere(tmp_path, **{name: str(tmp_path)})).version == f"{NOT_OURS}.10"


def test_tree_is_opened_for_everybody(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o600)
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True, mode=0o700)
    for name, mode in (("program", 0o700), ("text", 0o600), ("set-uid", 0o4700)):
        (tree / "deep" / name).write_text("")
        (tree / "deep" / name).chmod(mode)
    (tree / "link").symlink_to(outside)
    open_up(tree)
    modes = {path.name: path.lstat().st_mode & 0o7777 for path in tree.rglob("*") if not path.is_symlink()}
    assert modes == {"deep": 0o755, "program": 0o755, "text": 0o644, "set-uid": 0o755}
    assert outside.stat().st_mode & 0o777 == 0o600


def test_real_python_runs_where_the_probe_says(tmp_path: Path) -> None:
    found = find_interpreter(OWN, nowhere(tmp_path))
    said = subprocess.run([found.binary, "-V"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == f"Python {found.version}"
