"""Edits of a plugin's files by span: every other byte stays as it was."""

from __future__ import annotations

import ast
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from services_ai_sdk.manifest.modules import FILE_MAX_BYTES
from services_ai_sdk.manifest.positions import locate

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece of a file's text, and what stands there afterwards.

    Attributes:
        file: Relative to the plugin's folder.
        start: Offset in characters, behind a byte order mark.
        end: The same as `start` where nothing is replaced.
        done: What it is, for the author: `@hookimpl above lead_created`.
    """

    file: str
    start: int
    end: int
    text: str
    done: str


def apply(folder: Path, edits: Iterable[Edit]) -> list[str]:
    """Writes them, file by file, each in one step.

    A file stays as it is when it is not UTF-8, when its edits overlap, or when what comes out cannot be parsed.

    Returns:
        What was done, `file: …` each.
    """
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.file, []).append(edit)
    done: list[str] = []
    for file, wanted in sorted(by_file.items()):
        path = (folder / file).resolve()
        if path.is_relative_to(folder.resolve()) and _edited(path, wanted):
            done += [f"{file}: {words}" for words in dict.fromkeys(edit.done for edit in wanted) if words]
    return done


def _edited(path: Path, edits: list[Edit]) -> bool:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    mark, body = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    end = len(body)
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        if not 0 <= edit.start <= edit.end <= end:
            return False
        body = body[: edit.start] + edit.text + body[edit.end :]
        end = edit.start
    if not _can_be_parsed(path, body) or body == text.removeprefix(mark):
        return False
    _replace(path, (mark + body).encode())
    return True


def _can_be_parsed(path: Path, text: str) -> bool:
    if path.suffix == ".json":
        return not locate(text).broken
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return len(text) <= FILE_MAX_BYTES


def _replace(path: Path, data: bytes) -> None:
    mode = path.stat().st_mode & 0o7777
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:60]}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
