from __future__ import annotations

import json
from pathlib import Path

import pytest

from services_ai_sdk.cli.framed import framed, lines_in
from services_ai_sdk.manifest.complete import Completed, check_folder
from services_ai_sdk.manifest.load import load_manifest

MANIFEST = {"name": "P", "version": "1.0.0", "description": "d", "author": "a", "email": "a@example.com"}
MAIN = """\
from services_ai_sdk import ServicesAIPlugin, hookimpl
class P(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead): ...
"""


def check(folder: Path, **files: str) -> Completed:
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    for name, text in {"main.py": MAIN, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return check_folder(load_manifest(folder), folder)


def shown(checked: Completed, folder: Path) -> str:
    line_of = lines_in(folder, checked.findings)
    return "\n".join(framed(finding, line_of) for finding in checked.findings)


def _of(alphabet: str, length: int) -> str:
    """Looks like a key, and is none: made here, so that no scanner of this repository stumbles over it."""
    return (alphabet * length)[:length]


LETTERS = "Qm7Zt2Xk9Rb4Wv8"
HEX = "7c2e9a41f05b83d6"
SECRETS = {
    "aws id": "AKIA" + _of("QZ7XW2KD", 16),
    "aws key": 'aws_secret_key = "' + _of(LETTERS, 40) + '"',
    "azure": "AccountKey=" + _of(LETTERS, 86) + "==",
    "basic auth": "https://ann:" + _of(LETTERS, 12) + "@db.internal/x",
    "discord": "M" + _of(LETTERS, 23) + "." + _of(LETTERS, 6) + "." + _of(LETTERS, 27),
    "github": "ghp_" + _of(LETTERS, 36),
    "gitlab": "glpat-" + _of(LETTERS, 20),
    "gitlab runner": "GR1348941" + _of(LETTERS, 20),
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + _of(LETTERS, 43),
    "mailchimp": _of(HEX, 32) + "-us7",
    "npm": "//registry.npmjs.org/:_authToken=npm_" + _of(LETTERS, 36),
    "openai": "sk-" + _of(LETTERS, 20) + "T3BlbkFJ" + _of(LETTERS, 20),
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "pypi": "pypi-AgEIcHlwaS5vcmc" + _of(LETTERS, 80),
    "sendgrid": "SG." + _of(LETTERS, 22) + "." + _of(LETTERS, 43),
    "slack": "xoxb-123-456-" + _of(HEX, 20),
    "slack hook": "https://hooks.slack.com/services/T"
    + _of("A7", 8)
    + "/B"
    + _of("A7", 8)
    + "/"
    + _of(LETTERS, 24),
    "square": "sq0csp-" + _of(LETTERS, 43),
    "stripe": "sk_live_" + _of(LETTERS, 24),
    "telegram": "123456789:" + _of(LETTERS, 35),
    "twilio": "AC" + _of(HEX, 32),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_each_kind_is_an_error_that_does_not_repeat_it(tmp_path: Path, kind: str) -> None:
    text = SECRETS[kind]
    checked = check(tmp_path, **{"conf/data.txt": f"é first\n  x {text} y\n"})
    (finding,) = [finding for finding in checked.findings if finding.severity == "error"]
    assert (finding.code, finding.file, finding.line) == ("secret-embedded", "conf/data.txt", 2)
    assert checked.manifest is None
    longest = max(text.replace('"', " ").split(), key=len)
    everything = json.dumps([found.to_dict() for found in checked.findings]) + shown(checked, tmp_path)
    for part in (longest, longest[4:], longest[:-4]):
        assert part not in everything
    assert "•" in everything


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("main.py", 'PASSWORD = "hunter2hunter"'),
        ("main.py", 'client = connect(api_key="q7f9k2m4")'),
        ("conf.yaml", "db_password: h7nter2x"),
        ("conf.ini", "client_secret = h7nter2x"),
        ("x.json", '{"secret": "h7nter2x"}'),
    ],
)
def test_what_is_one_by_its_name_only_is_a_warning_that_does_not_repeat_it(
    tmp_path: Path, file: str, line: str
) -> None:
    text = MAIN + line + "\n" if file == "main.py" else line
    checked = check(tmp_path, **{file: text})
    (finding,) = checked.findings
    assert (finding.code, finding.severity, finding.file) == ("secret-suspected", "warning", file)
    assert checked.manifest is not None
    for secret in ("hunter2", "q7f9k2m4", "h7nter2x"):
        assert secret not in shown(checked, tmp_path) + json.dumps(finding.to_dict())


@pytest.mark.parametrize(
    "line",
    [
        'password = os.environ["PASSWORD_1"]',
        "api_key = self.settings.api_key_2",
        'password = "changeme123"',
        'api_key = "YOUR-KEY-1"',
        'secret = "${SECRET_1}"',
        'token_url = "https://example.com/oauth2/token"',
        'url = "https://{user}:{password}@example.com"',
        'doc = "https://user:password@host:80/path"',
        'queue = "arn:aws:sqs:eu-central-1:123456789012:' + _of(LETTERS, 40) + '"',
        'bases = "GGTAKIA' + _of("ACGT", 30) + '"',
        'PASSWORD_LABEL = "Password, at least 8"',
        'key = "key1"',
        f'PASSWORD = "{_of(LETTERS, 12)}"  # pragma: allowlist secret',
        f'# pragma: allowlist nextline secret\nK = "AKIA{_of("QZ7XW2KD", 16)}"',
        'sha256 = "' + _of(HEX, 64) + '"',
    ],
)
def test_what_is_none_or_said_to_be_none_says_nothing(tmp_path: Path, line: str) -> None:
    assert check(tmp_path, **{"other.py": f"import os\n{line}\n"}).findings == ()


def test_another_findings_frame_does_not_show_it_either(tmp_path: Path) -> None:
    key = "ghp_" + _of(LETTERS, 36)
    other = f"x = eval('{key}'); y = '{SECRETS['stripe']}'\n"
    checked = check(tmp_path, **{"other.py": other})
    assert sorted(finding.code for finding in checked.findings) == [
        "dangerous-eval", "secret-embedded", "secret-embedded",
    ]  # fmt: skip
    text = shown(checked, tmp_path)
    assert "x = eval('••••" in text
    assert key not in text
    assert SECRETS["stripe"] not in text


def test_locks_tests_binaries_and_large_files_are_not_searched(tmp_path: Path) -> None:
    key = SECRETS["github"]
    files = {
        "pylock.toml": key,
        "tests/x.py": f"'{key}'",
        ".env": key,
        "a.bin": f"\x00{key}",
        "b.txt": "x" * 1_100_000 + key,
    }
    assert check(tmp_path, **files).findings == ()


def test_a_minified_file_is_searched_too(tmp_path: Path) -> None:
    text = "var x=1;" * 1_000 + f"k='{SECRETS['github']}';" + "y=2;" * 1_000
    (finding,) = check(tmp_path, **{"app.js": text}).findings
    assert (finding.code, finding.line, finding.column) == ("secret-embedded", 1, 8_004)
    for before in (1_700, 1_750, 1_900):  # where two parts of the line meet
        (finding,) = check(tmp_path, **{"app.js": " " * before + SECRETS["stripe"] + " " * 2_000}).findings
        assert finding.column == before + 1


@pytest.mark.parametrize(
    "text",
    [
        "password=" * 100_000,
        "x = " + "password = \\'" * 300,
        "https://" + ":" * 20_000 + "@" * 20_000,
        "://" * 300_000,
        ("eyJ" * 600 + "\n") * 500,
        "//" * 400_000 + "/:_authToken=",
        "password = 'a1b2c3d4e5'\n" * 30_000,
        "aws" * 300_000 + "key",
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_ends(tmp_path: Path, text: str) -> None:
    assert len(check(tmp_path, **{"a.txt": text, "b.txt": text, "c.txt": "x"}).findings) <= 200


def test_too_much_to_search_is_said(tmp_path: Path) -> None:
    line = "password = read_it() " + "x" * 1_900 + "\n"
    checked = check(tmp_path, **{"a.txt": line * 400})
    assert [(finding.code, finding.severity) for finding in checked.findings] == [("secrets-unchecked", "warning")]
