from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from services_ai_sdk.bundler.source import open_source
from services_ai_sdk.wire.errors import InvalidInputError

MakePlugin = Callable[..., Path]


def names(source: Path, **options: Path) -> list[str]:
    with open_source(source, **options) as tree:
        return [file.name for file in tree.files]


def refusal(source: Path) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught, open_source(source):
        pass
    return caught.value


def zip_of(folder: Path, target: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, prefix + path.relative_to(folder).as_posix())
    return target


def test_what_is_no_part_of_the_plugin_is_left_out(make_plugin: MakePlugin) -> None:
    left_out = [
        ".env", ".git/config", ".venv/pyvenv.cfg", "venv2/pyvenv.cfg", "venv2/lib/x.py", "__pycache__/main.pyc",
        "pkg/__pycache__/a.pyc", "pkg/old.pyc", "tests/test_main.py", "dist/old.zip", "build/x",
        "x.egg-info/PKG-INFO",
        "__MACOSX/main.py", ".DS_Store", "pkg/.secret", "old-1.0.layer.zip",
    ]  # fmt: skip
    kept = ["data/leads.csv", "pkg/__init__.py", "pkg/tests/needed.py", "pkg/build/b.py", "README.md"]
    root = make_plugin(files=dict.fromkeys([*left_out, *kept], "x"))
    assert names(root) == sorted(["main.py", "manifest.json", *kept])


def test_the_folder_that_packages_are_written_to_is_left_out(make_plugin: MakePlugin) -> None:
    root = make_plugin(files={"out/old.zip": "x"})
    assert names(root, leave_out=root / "out") == ["main.py", "manifest.json"]
    assert "main.py" in names(root, leave_out=root)


@pytest.mark.parametrize("prefix", ["", "wrapped/"])
def test_a_zip_is_read_with_or_without_a_wrapping_folder(
    make_plugin: MakePlugin, tmp_path: Path, prefix: str
) -> None:
    path = zip_of(make_plugin(), tmp_path / "plugin.zip", prefix)
    with open_source(path) as tree:
        assert [file.name for file in tree.files] == ["main.py", "manifest.json"]
        root = tree.root
    assert not root.exists()


def test_a_folder_around_the_plugin_is_seen_through(make_plugin: MakePlugin) -> None:
    root = make_plugin(
        folder="outer/plugin", files={"../__MACOSX/manifest.json": "{}", "../.x/manifest.json": "{}"}
    )
    assert names(root.parent) == ["main.py", "manifest.json"]


def test_several_plugins_or_none_are_an_error(make_plugin: MakePlugin, tmp_path: Path) -> None:
    make_plugin(folder="outer/one")
    make_plugin(folder="outer/two")
    assert refusal(tmp_path / "outer").code == "source-ambiguous"
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/readme.txt").write_text("x")
    error = refusal(tmp_path / "empty")
    assert error.code == "manifest-missing"
    assert "readme.txt" in error.message
    assert refusal(tmp_path / "gone").code == "source-missing"
    (tmp_path / "not.zip").write_text("hello")
    assert refusal(tmp_path / "not.zip").code == "archive-not-a-zip"


def test_a_hostile_zip_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zip_file: Callable[..., Path], part: Callable[..., object]
) -> None:
    holder = tmp_path / "temporary"
    holder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(holder))
    assert refusal(zip_file([part(b"manifest.json"), part(b"../../evil.py")])).code == "archive-traversal"
    assert list(holder.iterdir()) == []


class TestLinks:
    def test_to_a_file_of_the_plugin_is_followed(self, make_plugin: MakePlugin) -> None:
        root = make_plugin()
        (root / "same.py").symlink_to("main.py")
        with open_source(root) as tree:
            file = next(file for file in tree.files if file.name == "same.py")
            assert file.path.read_text() == (root / "main.py").read_text()
            assert not file.path.is_symlink()

    @pytest.mark.parametrize("target", ["/etc/hostname", "../outside.txt", "nowhere", "loop"])
    def test_anywhere_else_is_refused(self, make_plugin: MakePlugin, target: str) -> None:
        root = make_plugin()
        (root.parent / "outside.txt").write_text("secret")
        (root / "loop").symlink_to(target)
        assert refusal(root).code == "source-link"

    def test_to_a_folder_is_refused(self, make_plugin: MakePlugin) -> None:
        root = make_plugin()
        (root / "again").symlink_to(".", target_is_directory=True)
        assert refusal(root).code == "source-link"


def test_a_pipe_is_refused_and_not_waited_for(make_plugin: MakePlugin) -> None:
    root = make_plugin()
    os.mkfifo(root / "pipe")
    assert refusal(root).code == "source-special"


@pytest.mark.parametrize("name", ["a\\b.py", "a\n.py", "trailing.", b"\xff.py"])
def test_a_file_with_an_odd_name_is_refused(make_plugin: MakePlugin, name: str | bytes) -> None:
    root = make_plugin()
    (root / os.fsdecode(name)).write_text("x")
    assert refusal(root).code in ("source-name", "source-traversal")


def test_names_that_differ_only_in_case_are_refused(make_plugin: MakePlugin) -> None:
    assert refusal(make_plugin(files={"README.md": "x", "readme.md": "x"})).code == "source-collision"


def test_too_much_is_refused_before_it_is_read(make_plugin: MakePlugin) -> None:
    root = make_plugin()
    with (root / "big.bin").open("wb") as file:
        file.truncate(300_000_000)  # sparse
    assert refusal(root).code == "source-too-large"


def test_only_the_owner_s_x_makes_a_file_executable(make_plugin: MakePlugin) -> None:
    root = make_plugin(files={"run.sh": "x", "a.sh": "x"})
    (root / "run.sh").chmod(0o700)
    (root / "a.sh").chmod(0o600)
    with open_source(root) as tree:
        assert {file.name: file.executable for file in tree.files if file.name.endswith(".sh")} == {
            "run.sh": True,
            "a.sh": False,
        }
