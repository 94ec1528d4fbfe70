"""Reading manifest.json: every problem in one run, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from services_ai_sdk.hooks.nearest import nearest
from services_ai_sdk.manifest.crossrules import cross_findings
from services_ai_sdk.manifest.findings import Finding, Severity, raise_on_errors
from services_ai_sdk.manifest.model import Dependencies, HookDeclaration, LayerDigest, Limits, Manifest
from services_ai_sdk.manifest.positions import Located, locate
from services_ai_sdk.manifest.positions import Path as JsonPath
from services_ai_sdk.manifest.settings import Setting
from services_ai_sdk.manifest.spec_findings import spec_findings
from services_ai_sdk.manifest.wording import fix_of, message_of

FILE_NAME = "manifest.json"
SIZE_MAX_BYTES = 1024 * 1024
FINDINGS_MAX = 100

_PARTS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Manifest,
    ("dependencies",): Dependencies,
    ("limits",): Limits,
    ("layer",): LayerDigest,
    ("hooks", "*"): HookDeclaration,
    ("settings", "*"): Setting,
}
_ALSO_KNOWN = {("$schema",), ("settings", "*", "name"), ("settings", "*", "key")}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest as read.

    Attributes:
        manifest: None when any finding is an error.
        findings: In the order of the file.
        located: Where everything stands, for checks that come later; None when the text could not be parsed.
    """

    manifest: Manifest | None
    findings: tuple[Finding, ...]
    located: Located | None = None

    def require(self, what: str = FILE_NAME) -> Manifest:
        """The manifest.

        Raises:
            FindingsError: There are errors; `details["findings"]` has everything.
        """
        raise_on_errors(self.findings, what)
        assert self.manifest is not None
        return self.manifest


def load_manifest(path: Path) -> Loaded:
    """Reads manifest.json, given as the file or as its folder; never raises.

    Returns:
        The manifest, or findings that say why there is none: no file, a folder in its place, over 1 MB, not UTF-8,
        not strict JSON, wrong fields.
    """
    file = path if path.name == FILE_NAME else path / FILE_NAME
    try:
        if not file.is_file():
            there = file.exists()
            what = "is not a file" if there else "is missing"
            return _unread(
                "manifest-missing", f"{FILE_NAME} {what}", "" if there else "services-ai-plugin create makes one"
            )
        with file.open("rb") as stream:
            raw = stream.read(SIZE_MAX_BYTES + 1)
    except OSError as error:
        return _unread("manifest-unreadable", f"{FILE_NAME} cannot be read: {error.strerror or error}")
    return parse_manifest(raw)


def parse_manifest(raw: bytes) -> Loaded:
    """As `load_manifest`, of the file's bytes."""
    if len(raw) > SIZE_MAX_BYTES:
        return _unread("manifest-too-large", f"{FILE_NAME} is larger than {SIZE_MAX_BYTES:,} bytes")
    findings: list[Finding] = []
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
        text = f"{FILE_NAME} starts with a byte order mark"
        findings.append(
            Finding("json-bom", Severity.ERROR, text, FILE_NAME, 1, 1, fix="save it as UTF-8 without BOM")
        )
    try:
        located = locate(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        text = f"{FILE_NAME} is not UTF-8: byte {raw[error.start]:#04x}"
        findings.append(Finding("json-not-utf8", Severity.ERROR, text, FILE_NAME, line, fix="save it as UTF-8"))
        return Loaded(None, tuple(findings))
    for problem in located.problems[:FINDINGS_MAX]:
        line, column = located.line_column(problem.offset)
        findings.append(
            Finding(
                problem.code, Severity.ERROR, problem.message, FILE_NAME, line, column, problem.length, problem.fix
            )
        )
    if located.broken:
        return Loaded(None, tuple(findings))
    manifest, more = _check(located)
    findings = sorted([*findings, *more], key=lambda finding: (finding.line, finding.column))
    if any(finding.severity == Severity.ERROR for finding in findings):
        manifest = None
    return Loaded(manifest, tuple(findings), located)


def finding_at(
    located: Located,
    path: JsonPath,
    code: str,
    message: str,
    *,
    fix: str = "",
    severity: Severity = Severity.ERROR,
    key: bool = False,
) -> Finding:
    """A finding about the value at `path`, or about its key; about what would contain it where it is not there."""
    start, length = located.span(path, key=key)
    line, column = located.line_column(start)
    return Finding(code, severity, message, FILE_NAME, line, column, length, fix)


def _unread(code: str, message: str, fix: str = "") -> Loaded:
    return Loaded(None, (Finding(code, Severity.ERROR, message, FILE_NAME, fix=fix),))


def _check(located: Located) -> tuple[Manifest | None, list[Finding]]:
    raw = located.value
    if not isinstance(raw, dict):
        return None, [
            finding_at(located, (), "manifest-invalid", "a manifest is a JSON object", fix='{"name": …}')
        ]
    findings = [
        finding_at(
            located,
            path,
            "manifest-unknown-field",
            f"a manifest has no field {str(path[-1])[:60]!r}; it is ignored",
            fix=f"did you mean {meant!r}?" if meant else "delete it",
            severity=Severity.WARNING,
            key=True,
        )
        for path, meant in _unknown_fields(raw)
    ][:FINDINGS_MAX]
    try:
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        return None, findings + list(_invalid_fields(located, error))
    for found in cross_findings(manifest):
        findings.append(
            finding_at(located, found.path, found.code, found.message, fix=found.fix, severity=found.severity)
        )
    findings += spec_findings(manifest.dependencies.packages, located)
    return manifest, findings


def _invalid_fields(located: Located, error: ValidationError) -> Iterator[Finding]:
    seen: set[JsonPath] = set()
    for detail in error.errors(include_url=False)[:FINDINGS_MAX]:
        path: JsonPath = ()
        for part in detail["loc"]:
            # What is not in the text is pydantic's own: the member of a union, `[key]`.
            if (*path, part) in located.values or (detail["type"] == "missing" and part == detail["loc"][-1]):
                path = (*path, part)
        if path not in seen:
            seen.add(path)
            found = finding_at(
                located, path, "manifest-invalid", message_of(path, detail), fix=fix_of(path, detail)
            )
            yield replace(found, length=1) if detail["type"] == "missing" else found


def _unknown_fields(raw: Any) -> Iterator[tuple[JsonPath, str | None]]:
    for pattern, model in _PARTS.items():
        known = set(model.model_fields)
        for path, value in _matches(raw, pattern):
            if isinstance(value, dict):
                for name in value:
                    if name not in known and (*pattern, name) not in _ALSO_KNOWN:
                        yield (*path, name), nearest(name, known, cutoff=0.75)


def _matches(raw: Any, pattern: tuple[str, ...]) -> Iterator[tuple[JsonPath, Any]]:
    """Every value in `raw` whose path fits `pattern`; `*` stands for any key or index."""
    if not pattern:
        yield (), raw
        return
    head, *rest = pattern
    if head != "*":
        members: list[tuple[Any, Any]] = [(head, raw[head])] if isinstance(raw, dict) and head in raw else []
    elif isinstance(raw, dict):
        members = list(raw.items())
    else:
        members = list(enumerate(raw)) if isinstance(raw, list) else []
    for key, member in members:
        for path, value in _matches(member, tuple(rest)):
            yield (key, *path), value
