from __future__ import annotations

import json
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from services_ai_sdk.cli import errors
from services_ai_sdk.cli.framed import framed, lines_in
from services_ai_sdk.cli.main import app
from services_ai_sdk.cli.running import run
from services_ai_sdk.cli.submission import read_submission, upload
from services_ai_sdk.cli.template import TEMPLATES, class_name
from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.wire.errors import FindingsError, InvalidInputError, PlatformError

BUCKET = "artifacts"


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(app, arguments)
    out, err = capsys.readouterr()
    return code, out, err


def data(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, err = call(capsys, *arguments, "--json")
    assert code == 0, out + err
    return json.loads(out)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVICES_AI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SERVICES_AI_BUCKET", raising=False)


@pytest.fixture
def package(capsys: pytest.CaptureFixture[str]) -> Path:
    data(capsys, "create", "Greeter")
    return Path(data(capsys, "package", "greeter")["package"])


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


def test_help_and_version_import_nothing_heavy() -> None:
    # A command's own --help is not in it: typer 0.29 imports pydantic itself to describe parameters.
    code = (
        "import sys; from services_ai_sdk.cli.main import app; from services_ai_sdk.cli.running import run\n"
        "assert run(app, ['--help']) == 0; assert run(app, ['--version']) == 0\n"
        "print('\\nMODULES', *sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    printed, _, modules = out.rpartition("MODULES")
    assert "submit" in printed
    assert not {"pydantic", "boto3", "botocore", "uv", "packaging", "rich"} & set(modules.split())


def test_a_name_with_everything_in_it_makes_a_plugin_that_validates_and_packages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    created = data(capsys, "create", 'Say "hi" \\ to {new} $leads', "--author", "Ann")
    assert created["id"] == "say-hi-to-new-leads"
    code, out, _ = call(capsys, "validate", created["folder"])
    assert (code, out.strip()) == (0, "say-hi-to-new-leads 0.1.0: ok (lead_created)")
    packaged = data(capsys, "package", created["folder"])
    assert packaged["hooks"] == ["lead_created"]
    assert packaged["layer"] is None
    with zipfile.ZipFile(packaged["package"]) as archive:
        assert set(archive.namelist()) == {
            "manifest.json", "main.py", "pylock.toml", "README.md", "payloads/lead_created.json",
        }  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_create_makes_passes_its_own_tests(capsys: pytest.CaptureFixture[str], template: str) -> None:
    created = data(capsys, "create", f"My {template}", "--template", template)
    found = data(capsys, "test", created["folder"])
    assert (found["ok"], found["findings"], found["suite"]["ok"]) == (True, [], True), found
    assert "3 passed" in found["suite"]["text"]


def test_create_without_a_name_asks_only_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "create")
    assert code == 2
    assert "name is missing" in err


def test_create_touches_nothing_that_is_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "greeter").mkdir()
    (tmp_path / "greeter" / "mine.txt").write_text("mine")
    code, _, err = call(capsys, "create", "Greeter")
    assert code == 2
    assert "not empty" in err
    assert [path.name for path in (tmp_path / "greeter").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "日本"),
        ("create", "x", "--email", "none"),
        ("create", "a\x00b"),
        ("create", "x", "--template", "nothing"),
    ],
)
def test_create_refuses_what_would_not_validate(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert err.startswith("error: ")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(("plugin_id", "name"), [("phone-normalizer", "PhoneNormalizer"), ("3d", "Plugin3d")])
def test_class_names(plugin_id: str, name: str) -> None:
    assert class_name(plugin_id) == name


def test_validate_frames_each_finding_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "create", "Greeter")
    main = Path("greeter/main.py")
    main.write_text(main.read_text().replace("def lead_created", "def lead_craeted"))
    call_result = call(capsys, "validate", "greeter")
    assert call_result[0] == 1
    assert call_result[1].startswith("error[hook-misspelt]: there is no hook 'lead_craeted'\n  --> main.py:14:9\n")
    assert "14 |     def lead_craeted(self" in call_result[1]
    assert "   |         ^^^^^^^^^^^^\n   = fix: did you mean lead_created?\n" in call_result[1]
    code, out, _ = call(capsys, "validate", "greeter", "--json")
    answer = json.loads(out)
    assert (code, answer["ok"], answer["findings"][0]["line"]) == (1, False, 14)


def test_validate_prints_the_manifests_schema_and_needs_no_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "validate", "--schema")
    assert code == 0
    assert json.loads(out)["properties"]["permissions"]["type"] == "array"


def test_package_of_a_broken_plugin_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "create", "Greeter")
    Path("greeter/main.py").write_text("x = 1")
    code, out, _ = call(capsys, "package", "greeter", "--json")
    error = json.loads(out)["error"]
    assert code == 1
    assert error["details"]["findings"][0]["code"] == "plugin-class-unclear"
    assert not Path("dist").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nonsense",), 2),
        (("validate", "--nonsense"), 2),
        (("validate", "nowhere"), 2),
        (("validate", "."), 2),
        (("package", "nowhere"), 2),
        (("submit", "nowhere.zip"), 2),
        (("submit", "nowhere.zip", "--bucket", "b"), 2),
        (("submit",), 2),
    ],
)
def test_usage_and_input_errors(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int) -> None:
    got, out, err = call(capsys, *arguments)
    assert (got, out) == (code, "")
    assert err.startswith("error: ")
    assert "fix: " in err
    got, out, _ = call(capsys, *arguments, "--json")
    assert got == code
    assert set(json.loads(out)["error"]) == {"code", "message", "hint", "details", "retryable"}


def test_submit_puts_both_files_once(capsys: pytest.CaptureFixture[str], package: Path, s3: Any) -> None:
    first = data(capsys, "submit", str(package), "--bucket", BUCKET)
    prefix = f"submissions/greeter/0.1.0/{first['sha256']}/"
    assert first["package_key"] == f"{prefix}package.zip"
    assert first["uploaded"] == [f"{prefix}package.zip"]
    stored = s3.get_object(Bucket=BUCKET, Key=first["package_key"])["Body"].read()
    assert stored == package.read_bytes()
    assert data(capsys, "submit", str(package), "--bucket", BUCKET)["uploaded"] == []
    code, out, _ = call(capsys, "submit", str(package), "--bucket", BUCKET)
    assert code == 0
    assert "submitted before" in out


def test_other_bytes_under_the_same_key_are_not_taken_for_these(package: Path, s3: Any) -> None:
    submission = read_submission(package)
    key = f"{submission.prefix}package.zip"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"something else")
    with pytest.raises(PlatformError) as caught:
        upload(submission, BUCKET, lambda _: None, s3)
    assert caught.value.code == "submission-differs"
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"something else"


def test_submit_to_no_bucket_and_to_one_that_is_not_there(
    capsys: pytest.CaptureFixture[str], package: Path, s3: Any
) -> None:
    code, _, err = call(capsys, "submit", str(package))
    assert code == 2
    assert "SERVICES_AI_BUCKET" in err
    code, out, _ = call(capsys, "submit", str(package), "--bucket", "nowhere", "--json")
    error = json.loads(out)["error"]
    assert (code, error["details"]["aws_code"]) == (3, "NoSuchBucket")


def test_submit_when_nobody_answers(
    capsys: pytest.CaptureFixture[str], package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    code, _, err = call(capsys, "submit", str(package), "--bucket", BUCKET)
    assert code == 3
    assert "local up" in err


@pytest.mark.parametrize("bucket", ["BAD_name!", "a b", "x/y", "-", "arn:\u00fc"])
def test_what_can_be_no_bucket_is_invalid_input(
    capsys: pytest.CaptureFixture[str], package: Path, s3: Any, bucket: str
) -> None:
    code, out, err = call(capsys, "submit", str(package), "--bucket", bucket)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {bucket!r} can be no bucket's name\n"), "before any line of an upload"


def test_without_credentials_it_is_said_before_anything_is_uploaded(
    capsys: pytest.CaptureFixture[str], package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    code, out, err = call(capsys, "submit", str(package), "--bucket", BUCKET)
    assert (code, out) == (3, "")
    assert err.startswith("error: there are no AWS credentials\n")
    assert 'eval "$(services-ai-admin local env)"' in err


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x00" * 1000])
def test_submit_of_what_is_no_package(capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x-1.zip").write_bytes(content)
    code, _, err = call(capsys, "submit", "x-1.zip", "--bucket", BUCKET)
    assert code == 2
    assert err.startswith("error: ")


def test_a_bug_is_four_and_shows_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("1/0")

    assert run(broken, []) == 4  # type: ignore[arg-type]
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err


def test_what_a_terminal_would_obey_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    errors.print_error(InvalidInputError("a\x1b[31mb\x07"), as_json=False)
    assert "\x1b" not in capsys.readouterr().err
    findings = [{"file": "m", "line": 1, "column": 0, "severity": "error", "message": "x\x1b", "fix": ""}] * 2
    errors.print_error(FindingsError("two", details={"findings": findings}), as_json=False)
    assert capsys.readouterr().err == "error: two\n  error: m:1: x\ufffd\n  error: m:1: x\ufffd\n"


def test_a_long_line_is_shown_around_its_column() -> None:
    finding = Finding("c", Severity.ERROR, "m", "f", 1, 5001, 3)
    text = framed(finding, lambda _file, _line: "x" * 5000 + "abc" + "y" * 5000)
    line, carets = text.splitlines()[3:5]
    assert len(line) < 120
    assert line[carets.index("^") : carets.index("^") + 3] == "abc"


def test_lines_outside_the_folder_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin" / "a").write_text("line one\nline two")
    line_of = lines_in(tmp_path / "plugin")
    assert (line_of("a", 2), line_of("a", 3), line_of("../secret", 1), line_of("b", 1)) == (
        "line two",
        None,
        None,
        None,
    )


def test_two_submissions_at_once_write_once(package: Path, s3: Any) -> None:
    submission, written = read_submission(package), []
    threads = [
        threading.Thread(target=lambda: written.extend(upload(submission, BUCKET, lambda _: None, s3)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = s3.get_object(Bucket=BUCKET, Key=f"{submission.prefix}package.zip")["Body"].read()
    assert stored == package.read_bytes()
