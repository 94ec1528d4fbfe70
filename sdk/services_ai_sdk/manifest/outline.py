"""The outline of a file in a newer Python than this one: its imports, classes and methods, without their bodies.

A plugin for python3.13 can be packaged by a tool that runs on 3.11, whose parser does not know all of its syntax.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"([ \t]*)(?:@|(?:async\s+)?def\s|class\s|from\s|import\s)")
_TYPE_PARAMETERS = re.compile(r"(\b(?:def|class)\s+\w+)\s*\[")
_OPEN, _CLOSE = "([{", ")]}"
_HEADER_LINES_MAX = 50


def outline(text: str) -> str:
    """Source that an older parser can read, with every kept line where it was.

    It knows no strings that span lines: what looks like a method in a docstring is taken for one.
    """
    lines = text.replace("\t", "    ").splitlines()
    kept: list[str] = [""] * len(lines)
    number, levels = 0, [0, 0]  # indents: of the top, and of the members of the class above (0: not seen yet)
    while number < len(lines):
        found = _HEADER.match(lines[number])
        indent = len(found[1]) if found else -1
        if indent == 0:
            levels = [0, 0 if lines[number].startswith("class") else -1]
        elif found and levels[1] == 0:
            levels = [0, indent]
        if not found or indent not in levels or (indent and not _is_member(lines[number])):
            number += 1
            continue
        header, last = _header(lines, number)
        body = " ..." if header.rstrip().endswith(":") and (indent or not header.startswith("class")) else ""
        kept[number] = _without_type_parameters(header) + body
        number = last + 1
    return "\n".join(_with_bodies(kept)) + "\n"


def _is_member(line: str) -> bool:
    return line.lstrip().startswith(("@", "def ", "async "))


def _header(lines: list[str], first: int) -> tuple[str, int]:
    """The statement's first logical line on one line, and the number of its last line."""
    text = ""
    for number in range(first, min(len(lines), first + _HEADER_LINES_MAX)):
        text += (" " if text else "") + (lines[number] if number == first else lines[number].strip())
        depth, end = _scan(text)
        if depth <= 0:
            return text[:end], number
    return text, first


def _scan(text: str) -> tuple[int, int]:
    """How many brackets are open at the end, and where the header ends: behind its colon, or before a comment."""
    depth, quote, opens_block = (
        0,
        "",
        _HEADER.match(text) is not None and not text.lstrip().startswith(("@", "f", "i")),
    )
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            return depth, at
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif char == ":" and depth == 0 and opens_block:
            return 0, at + 1
    return depth, len(text)


def _without_type_parameters(header: str) -> str:
    found = _TYPE_PARAMETERS.search(header)
    if not found:
        return header
    depth = 0
    for at in range(found.end() - 1, len(header)):
        depth += (header[at] in _OPEN) - (header[at] in _CLOSE)
        if depth == 0:
            return header[: found.end(1)] + header[at + 1 :]
    return header


def _with_bodies(kept: list[str]) -> list[str]:
    """A class of which no member was kept gets a body on its own line."""
    result = list(kept)
    for number, line in enumerate(kept):
        if line.startswith("class") and line.rstrip().endswith(":"):
            following = next((later for later in kept[number + 1 :] if later), "")
            if not following.startswith(" "):
                result[number] = f"{line} ..."
    return result
