from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from services_ai_sdk.bundler.source import open_source
from services_ai_sdk.cli.github import annotation
from services_ai_sdk.cli.main import app
from services_ai_sdk.cli.running import run
from services_ai_sdk.cli.size_forecast import forecast
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.load import load_manifest
from services_ai_sdk.wire.limits import UNZIPPED_MAX_BYTES

MANIFEST: dict[str, Any] = {
    "name": "P", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com",
}  # fmt: skip
MAIN = """\
from services_ai_sdk import ServicesAIPlugin, hookimpl


class P(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead): ...
"""
BROKEN = MAIN.replace("lead_created", "lead_craeted")


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = run(app, ["validate", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    folder = tmp_path / "plugins" / "p"
    folder.mkdir(parents=True)
    return write(folder)


def write(folder: Path, main: str = MAIN, **manifest: Any) -> Path:
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST, **manifest}))
    (folder / "main.py").write_text(main)
    return folder


def test_github_annotations_name_the_file_as_the_repository_has_it(
    capsys: pytest.CaptureFixture[str], plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(plugin, BROKEN)
    code, out, _ = call(capsys, plugin, "--format", "github")
    assert code == 1
    assert out.splitlines()[0] == (
        "::error file=plugins/p/main.py,line=6,col=9,endColumn=21,title=hook-misspelt"
        "::there is no hook 'lead_craeted'%0Afix: did you mean lead_created?"
    )
    monkeypatch.setenv("GITHUB_WORKSPACE", str(plugin))
    assert "file=main.py,line=6" in call(capsys, plugin, "--format=github")[1]


def test_a_zips_findings_point_at_the_zip(capsys: pytest.CaptureFixture[str], plugin: Path) -> None:
    write(plugin, BROKEN)
    with zipfile.ZipFile("p.zip", "w") as archive:
        for file in plugin.iterdir():
            archive.write(file, file.name)
    out = call(capsys, "p.zip", "--format", "github")[1]
    assert out.startswith("::error file=p.zip,line=6,")


@pytest.mark.parametrize(
    ("file", "message", "expected"),
    [
        ("a,b:c%.py", "x", "::warning file=a%2Cb%3Ac%25.py,title=c::x"),
        ("a.py", "100%\nnext\r\n::error::no", "::warning file=a.py,title=c::100%25%0Anext%0D%0A::error::no"),
        ("a\n::error::.py", "x", "::warning file=a%0A%3A%3Aerror%3A%3A.py,title=c::x"),
        ("a.py", "bell\x07 \x1b[31m \u2028", "::warning file=a.py,title=c::bell\ufffd \ufffd[31m \ufffd"),
    ],
)
def test_annotations_cannot_be_broken_out_of(file: str, message: str, expected: str) -> None:
    assert annotation(Finding("c", Severity.WARNING, message, file), file) == expected


def test_json_by_either_name_also_of_an_error(capsys: pytest.CaptureFixture[str], plugin: Path) -> None:
    for option in (["--json"], ["--format", "json"], ["--format=json"]):
        code, out, _ = call(capsys, plugin, *option)
        answer = json.loads(out)
        assert (code, answer["ok"], answer["findings"], answer["fixed"]) == (0, True, [], [])
        assert answer["size"]["dependencies_bytes"] == 0
        code, out, _ = call(capsys, "nowhere", *option)
        assert (code, json.loads(out)["error"]["code"]) == (2, "source-missing")


def test_another_format_is_refused(capsys: pytest.CaptureFixture[str], plugin: Path) -> None:
    code, _, err = call(capsys, plugin, "--format", "xml")
    assert code == 2
    assert "github" in err


def test_a_secret_is_in_no_format(capsys: pytest.CaptureFixture[str], plugin: Path) -> None:
    key = "ghp_" + "Qm7Zt2Xk9Rb4" * 3
    write(plugin, f"{MAIN}x = eval('{key}')\n")
    for form in ("text", "json", "github"):
        code, out, err = call(capsys, plugin, "--format", form)
        assert code == 1
        assert "secret-embedded" in out
        assert key[:10] not in out + err


LOCK = """
lock-version = "1.0"
packages = [
  {name = "small", version = "1", wheels = [{name = "a.whl", size = 1000, hashes = {}}]},
  {name = "large", version = "1", wheels = [{name = "b.whl", size = SIZE, hashes = {}}]},
]
"""


def test_the_size_is_known_from_a_lock_or_a_layer_and_nothing_is_resolved(
    capsys: pytest.CaptureFixture[str], plugin: Path
) -> None:
    write(plugin, dependencies={"packages": {"large": "*"}})
    _, out, _ = call(capsys, plugin)
    assert "package will know" in out
    (plugin / "pylock.toml").write_text(LOCK.replace("SIZE", "10000000"))
    _, out, _ = call(capsys, plugin)
    assert "about 30.0 MB of dependencies; Lambda takes 262.1 MB" in out
    (plugin / "pylock.toml").write_text(LOCK.replace("SIZE", "100000000"))
    code, out, _ = call(capsys, plugin)
    assert code == 0
    assert out.startswith("warning[size-too-large]")
    assert "large" in out
    layer = {"sha256": "0" * 64, "size_bytes": 5, "unzipped_bytes": UNZIPPED_MAX_BYTES}
    write(plugin, dependencies={"packages": {"large": "*"}}, layer=layer)
    code, out, _ = call(capsys, plugin)
    assert (code, out.startswith("error[size-too-large]")) == (1, True)


@pytest.mark.parametrize(
    "lock", ["", "[", "packages = 1", "packages = [1]", "packages = [{name = 'a', wheels = []}]", "x" * 5_000_000]
)
def test_a_lock_that_cannot_be_read_is_no_size(plugin: Path, lock: str) -> None:
    write(plugin, dependencies={"packages": {"large": "*"}})
    (plugin / "pylock.toml").write_text(lock)
    with open_source(plugin) as tree:
        assert forecast(load_manifest(plugin).require(), tree).dependencies_bytes is None
