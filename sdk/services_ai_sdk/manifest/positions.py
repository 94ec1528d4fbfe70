"""JSON with the place of every key and value, so that a finding can point at it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from json import decoder
from typing import Any

Path = tuple[str | int, ...]

DEPTH_MAX = 50
DIGITS_MAX = 300

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NOT_JSON = re.compile(r"-?Infinity|NaN")
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not strict JSON, at a character offset."""

    code: str
    message: str
    offset: int
    fix: str = ""
    length: int = 1


class _Broken(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, message: str, offset: int, fix: str = "") -> None:
        super().__init__(message)
        self.problem = Problem("json-invalid", message, offset, fix)


@dataclass(slots=True)
class Located:
    """A parsed text.

    Attributes:
        value: None when the syntax is broken.
        broken: Whether parsing had to stop.
        keys: Offset of each object member's key, by path.
        values: Start and end of each value, by path.
        problems: In the order of the text.
    """

    text: str
    value: Any = None
    broken: bool = False
    keys: dict[Path, int] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_column(self, offset: int) -> tuple[int, int]:
        """1-based line and column, in characters."""
        starts = [0, *(found.end() for found in re.finditer("\n", self.text))]
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def span(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """Start and length of the value at `path` (or of its key); of what contains it when it is not there."""
        while path and path not in self.values:
            path = path[:-1]
            key = True
        if key and path in self.keys:
            return self.keys[path], len(str(path[-1])) + 2
        start, end = self.values.get(path, (0, 1))
        newline = self.text.find("\n", start, end)
        return start, max(1, (newline if newline >= 0 else end) - start)


def locate(text: str) -> Located:
    """Parses strict JSON; goes on after duplicate keys and NaN, stops at broken syntax. Never raises."""
    out = Located(text)
    parser = _Parser(out)
    try:
        value, end = parser.value(parser.skip(0), ())
        end = parser.skip(end)
        if end != len(text):
            raise _Broken("there is more after the end of the JSON value", end, "delete it")
        out.value = value
    except _Broken as error:
        out.broken = True
        out.problems.append(error.problem)
    return out


class _Parser:
    """Recursive descent; `DEPTH_MAX` keeps it far from Python's own limit."""

    def __init__(self, out: Located) -> None:
        self._out = out
        self._text = out.text

    def skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def value(self, at: int, path: Path) -> tuple[Any, int]:
        if len(path) > DEPTH_MAX:
            raise _Broken(f"nested more than {DEPTH_MAX} deep", at)
        first = self._text[at : at + 1]
        value: Any
        if first == "{":
            value, end = self._object(at, path)
        elif first == "[":
            value, end = self._array(at, path)
        elif first == '"':
            value, end = self._string(at)
        else:
            value, end = self._scalar(at)
        self._out.values[path] = (at, end)
        return value, end

    def _object(self, at: int, path: Path) -> tuple[dict[str, Any], int]:
        result: dict[str, Any] = {}
        at = self.skip(at + 1)
        if self._text[at : at + 1] == "}":
            return result, at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise _Broken(
                    f"a key in double quotes belongs here, not {self._here(at)}", at, self._comma_fix(at)
                )
            key, after = self._string(at)
            if key in result:
                problem = Problem(
                    "json-duplicate-key",
                    f"the key {key[:60]!r} appears twice in one object",
                    at,
                    "keep one of them",
                    after - at,
                )
                self._out.problems.append(problem)
            self._out.keys[(*path, key)] = at
            at = self.skip(after)
            if self._text[at : at + 1] != ":":
                raise _Broken(f"a colon belongs after the key {key[:60]!r}, not {self._here(at)}", at)
            result[key], at = self.value(self.skip(at + 1), (*path, key))
            at = self.skip(at)
            if self._text[at : at + 1] == "}":
                return result, at + 1
            at = self._comma(at, "}")

    def _array(self, at: int, path: Path) -> tuple[list[Any], int]:
        result: list[Any] = []
        at = self.skip(at + 1)
        if self._text[at : at + 1] == "]":
            return result, at + 1
        while True:
            item, at = self.value(at, (*path, len(result)))
            result.append(item)
            at = self.skip(at)
            if self._text[at : at + 1] == "]":
                return result, at + 1
            at = self._comma(at, "]")

    def _comma(self, at: int, end: str) -> int:
        if self._text[at : at + 1] != ",":
            raise _Broken(f"a comma or {end} belongs here, not {self._here(at)}", at)
        return self.skip(at + 1)

    def _string(self, at: int) -> tuple[str, int]:
        try:
            value, end = decoder.scanstring(self._text, at + 1, True)  # type: ignore[attr-defined]
        except ValueError as error:
            offset = getattr(error, "pos", at)
            reason = str(getattr(error, "msg", error)).rstrip(" at")
            raise _Broken(f"a broken string: {reason.lower()}", min(offset, len(self._text))) from error
        if any("\ud800" <= char <= "\udfff" for char in value):
            problem = Problem(
                "json-surrogate",
                "half of a surrogate pair is no character",
                at,
                "write the character itself",
                end - at,
            )
            self._out.problems.append(problem)
            value = value.encode("utf-8", "replace").decode()
        return value, end

    def _scalar(self, at: int) -> tuple[Any, int]:
        for word, value in _WORDS.items():
            if self._text.startswith(word, at):
                return value, at + len(word)
        if found := _NOT_JSON.match(self._text, at):
            problem = Problem("json-nan", f"{found[0]} is not JSON", at, "write a number, or null", len(found[0]))
            self._out.problems.append(problem)
            return None, found.end()
        found = _NUMBER.match(self._text, at)
        if not found:
            raise _Broken(f"a value belongs here, not {self._here(at)}", at, self._comma_fix(at))
        if len(found[0]) > DIGITS_MAX:
            raise _Broken(f"a number of more than {DIGITS_MAX} digits", at)
        return (float(found[0]) if found[1] or found[2] else int(found[0])), found.end()

    def _here(self, at: int) -> str:
        char = self._text[at : at + 1]
        return repr(char) if char else "the end of the file"

    def _comma_fix(self, at: int) -> str:
        """The usual reason for a missing key or value: a comma too many, or single quotes."""
        if self._text[at : at + 1] == "'":
            return "JSON has double quotes only"
        before = self._text[:at].rstrip()[-1:]
        return "delete the comma before it" if before == "," and self._text[at : at + 1] in "}]" else ""
