"""Which file names may stand in an archive: those that mean one file, the same one, everywhere."""

from __future__ import annotations

import re
import unicodedata

PATH_MAX_BYTES = 1024
PART_MAX_BYTES = 255

_DRIVE = re.compile(r"[A-Za-z]:")
_BAD_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def problem_with(name: str) -> tuple[str, str] | None:
    """Why `name` may not be used, as a code's ending and a reason; None for a good one.

    Args:
        name: POSIX style, relative, without a trailing slash.
    """
    if not name:
        return "name", "an entry has no name"
    if "\\" in name:
        return "traversal", "it has a backslash, which some systems read as a folder separator"
    if name.startswith("/"):
        return "traversal", "it is an absolute path"
    if _DRIVE.match(name):
        return "traversal", "it begins with a drive letter"
    parts = name.split("/")
    if ".." in parts:
        return "traversal", "it climbs out of its folder with '..'"
    for part in parts:
        if part in ("", "."):
            return "name", "it has an empty part or a '.' in its path"
        if part != part.rstrip(". "):
            return "name", "a part of it ends with a dot or space, which some systems drop"
    odd = next((char for char in name if unicodedata.category(char) in _BAD_CATEGORIES), None)
    if odd is not None:
        return "name", f"it has the character U+{ord(odd):04X}, which cannot be seen or written"
    if len(name.encode()) > PATH_MAX_BYTES or any(len(part.encode()) > PART_MAX_BYTES for part in parts):
        return "name", f"it is longer than {PATH_MAX_BYTES} bytes, or a part of it than {PART_MAX_BYTES}"
    return None


def same_file_key(name: str) -> str:
    """Equal for two names that a case-insensitive or normalising file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class NameSet:
    """Names that must stay apart, on any file system."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[str, bool]] = {}

    def add(self, name: str, *, folder: bool) -> tuple[str, str] | None:
        """Why `name` cannot stand beside those added before, as `problem_with` says it; None when it can."""
        parts = name.split("/")
        for depth in range(1, len(parts)):
            if problem := self._put("/".join(parts[:depth]), folder=True):
                return problem
        return self._put(name, folder=folder)

    def _put(self, name: str, *, folder: bool) -> tuple[str, str] | None:
        key = same_file_key(name)
        known = self._kinds.get(key)
        if known is None:
            self._kinds[key] = (name, folder)
            return None
        if known[0] != name:
            return "collision", f"it differs from {known[0]!r} only in case or accents"
        if known[1] != folder:
            return "duplicate", "it is both a file and a folder"
        return None if folder else ("duplicate", "it appears twice")
