"""Keys, tokens and passwords in a plugin's files: found by detect-secrets, and never repeated.

Nothing is verified: that would send what was found to somebody. `# pragma: allowlist secret` on the line, or
`# pragma: allowlist nextline secret` above it, says that it is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from services_ai_sdk.manifest.findings import Finding, Severity
from services_ai_sdk.manifest.plugin_files import PluginFile

FILE_MAX_BYTES = 1024 * 1024
TOTAL_MAX_BYTES = 16 * 1024 * 1024
SUSPECT_MAX_CHARS = 500_000
"""Of the lines that look as if they had one, of all files together: a hostile one costs a detector its square."""

_WINDOW_CHARS, _OVERLAP_CHARS = 2_000, 300
_GUESS_MAX_CHARS = 500

_DETECTORS = {
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "basic_auth": "BasicAuthDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "jwt": "JwtTokenDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "openai": "OpenAIDetector",
    "private_key": "PrivateKeyDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
"""Those with a form of their own. Not asked: high entropy (digests and data look like it), public addresses."""

_SUSPECT = re.compile(
    r"A3T|ABIA|ACCA|AKIA|ASIA|(?i:aws)|AccountKey=|://\S{1,200}@|[MNO][\w-]{23,25}\.|gh[pousr]_|gl[a-z]{2,6}-|GR1348941"
    r"|eyJ|-us\d|:_authToken|sk-|PRIVATE KEY|PuTTY-User-Key|pypi-|SG\.|(?i:xox)|(?i:hooks\.slack)|sq0csp|k_live_"
    r"|\d{8,10}:|(?:AC|SK)[a-z0-9]{32}"
    r"|(?i:(?:(?:api|auth|service|account|db|database|priv|private|client)_?key|(?:db|database|key)_?pass|password"
    r"|passwd|pwd|secret|contrase.a)[^\n]{0,60}[=:(>;])|(?i:[=!]=[^\n]{0,40}(?:_?key|pass|pwd|secret|contrase))"
)
"""What any detector finds has one of these in its line: detect-secrets is loaded for such lines only."""

_PLACEHOLDER = re.compile(r"(?i)example|change|your|dummy|placeholder|xxx|\*\*\*|\.\.\.|todo")
_PLAIN_GUESS = re.compile(r"(?i)^test|12345")
_FILLED_IN = re.compile(r"(?i)[{<$%].*|(?:my)?(?:pass|password|passwd|pwd|secret|token)$")
"""A value that stands for one: `{password}`, `$PASSWORD`, `user:password@host` in a text on URLs."""
_PART_OF_IT = re.compile(r"[^\s'\"<>,;()]")
_NOT_READ = ("pylock.toml", ".lock", ".pyc")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, or the part of a long one that begins at `offset`."""

    file: str
    number: int
    text: str
    before: str
    offset: int


def embedded_secrets(files: Iterable[PluginFile]) -> Iterator[Finding]:
    """One finding for each; the place is that of the secret, so that whoever shows the line can cover it."""
    search: _Search | None = None
    seen: set[tuple[str, int, int]] = set()  # parts of a long line overlap
    total_bytes, suspect_chars = 0, 0
    for file in files:
        if file.name.endswith(_NOT_READ) or file.size_bytes > FILE_MAX_BYTES:
            continue
        total_bytes += file.size_bytes
        if total_bytes > TOTAL_MAX_BYTES:
            yield _too_much(file)
            return
        for line in _suspect_lines(file):
            suspect_chars += len(line.text)
            if suspect_chars > SUSPECT_MAX_CHARS:
                yield _too_much(file)
                return
            search = search or _Search()
            for finding in search.of(line):
                place = (finding.file, finding.line, finding.column)
                if place not in seen:
                    seen.add(place)
                    yield finding


def _too_much(file: PluginFile) -> Finding:
    text = "from here on, files were not searched for secrets: there is too much that could be one"
    return Finding("secrets-unchecked", Severity.WARNING, text, file.name)


def _suspect_lines(file: PluginFile) -> Iterator[_Line]:
    try:
        raw = file.path.read_bytes()
    except OSError:
        return  # `package` says so
    text = raw.decode("utf-8-sig", "replace")
    if "\x00" in text[:8192] or not _SUSPECT.search(text):
        return
    before = ""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        for start in range(0, max(1, len(line) - _OVERLAP_CHARS), _WINDOW_CHARS - _OVERLAP_CHARS):
            shown = line[start : start + _WINDOW_CHARS]
            if _SUSPECT.search(shown):
                yield _Line(file.name, number, shown, before, start)
        before = line[:_WINDOW_CHARS]


class _Search:
    """Loading detect-secrets costs a quarter of a second."""

    def __init__(self) -> None:
        import importlib

        from detect_secrets.plugins import keyword

        self._detectors: list[Any] = [
            getattr(importlib.import_module(f"detect_secrets.plugins.{file}"), name)()
            for file, name in _DETECTORS.items()
        ]
        self._keyword: Any = keyword
        self._by_name: Any = keyword.KeywordDetector()

    def of(self, line: _Line) -> Iterator[Finding]:
        from detect_secrets.filters.allowlist import is_line_allowlisted
        from detect_secrets.util.code_snippet import CodeSnippet

        # The line before is what a comment for the next line stands in.
        context = CodeSnippet([line.before, line.text], line.number - 1, 1)
        if is_line_allowlisted(line.file, line.text, context):
            return
        taken: list[tuple[int, int]] = []
        for detector in self._detectors:
            if not any(True for _ in detector.analyze_string(line.text)):
                continue
            for start, end in self._spans(detector, line.text):
                if not any(start < other_end and other_start < end for other_start, other_end in taken):
                    taken.append((start, end))
                    kind = detector.secret_type
                    yield _finding(line, start, end, "secret-embedded", Severity.ERROR, f"this looks like: {kind}")
        if len(line.text) > _GUESS_MAX_CHARS:
            return
        for value in self._guessed(line):
            start = line.text.find(value)
            end = start + len(value)
            if not any(start < other_end and other_start < end for other_start, other_end in taken):
                taken.append((start, end))
                text = "this looks like a password or key, by the name that it is given"
                yield _finding(line, start, end, "secret-suspected", Severity.WARNING, text)

    def _spans(self, detector: Any, text: str) -> Iterator[tuple[int, int]]:
        """Of whole words: a detector may match only the beginning of what it recognises."""
        for regex in detector.denylist:
            for match in regex.finditer(text):
                # Part of a longer word (an account's number, a sequence of bases) it is no key; `aws…=` is a name.
                word, before = match[0], text[: match.start()][-1:]
                if before.isalnum() and word[0].isalnum() and not word.lower().startswith("aws"):
                    continue
                filled_in = [group for group in match.groups() if group and _FILLED_IN.match(group)]
                if not filled_in and not _PLACEHOLDER.search(word):
                    yield _whole(text, *match.span())

    def _guessed(self, line: _Line) -> Iterator[str]:
        from detect_secrets.filters import heuristic
        from detect_secrets.util.filetype import determine_file_type

        module = self._keyword
        forms = module.REGEX_BY_FILETYPE.get(
            determine_file_type(line.file), module.QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP
        )
        for value in self._by_name.analyze_string(line.text, denylist_regex_to_group=forms):
            quoted = f'"{value}"' in line.text or f"'{value}'" in line.text
            if (
                value
                and len(value) >= 6
                and not re.search(r"\s", value)
                and re.search(r"\d", value)
                and not _PLACEHOLDER.search(value)
                and not _PLAIN_GUESS.search(value)
                and not heuristic.is_sequential_string(value)
                and not heuristic.is_potential_uuid(value)
                and not heuristic.is_templated_secret(value)
                and not heuristic.is_prefixed_with_dollar_sign(value)
                and not heuristic.is_not_alphanumeric_string(value)
                and (quoted or not heuristic.is_indirect_reference(line.text))
            ):
                yield value


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    while start and _PART_OF_IT.match(text[start - 1]):
        start -= 1
    while end < len(text) and _PART_OF_IT.match(text[end]):
        end += 1
    return start, end


def _finding(line: _Line, start: int, end: int, code: str, severity: Severity, text: str) -> Finding:
    fix = (
        'make it a setting with "secret": true, and change it where it is valid: who has the package has it. '
        "If it is none: # pragma: allowlist secret"
    )
    return Finding(code, severity, text, line.file, line.number, line.offset + start + 1, end - start, fix)
