"""What one plugin's own modules may import, decided for each import statement, with the edit that allows it."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

from services_ai_sdk.plugin.import_rules import NETWORK, PluginImportRestriction, hides_python, is_standard
from services_ai_sdk.plugin.paths import CodePaths

# Compiled where something is refused: a cold start has no time for it.
_WAIVER = r"#\s*services-ai\s*:\s*allow\s+([\w.]+(?:\s*,\s*[\w.]+)*)\s*[-\u2013\u2014:]+\s*\S"


class OwnImports:
    """The import rules, for a plugin that is there.

    Args:
        paths: Whose file is whose.
        packages: Names of the declared dependencies.
        network: Whether the manifest asks for one.
        search_path: `sys.path` when left out, read when a package is looked for.
    """

    def __init__(
        self, paths: CodePaths, packages: Collection[str], *, network: bool, search_path: list[str] | None = None
    ) -> None:
        self.own = _own_modules(paths.task_root)
        self._paths = paths
        self._packages = frozenset(_normal(name.partition("[")[0]) for name in packages)
        self._search_path = search_path
        self._rules = PluginImportRestriction(self.own)
        self._network = NETWORK if network else frozenset[str]()
        self._brought: frozenset[str] | None = None

    def check(self, name: str, members: Collection[str], file: str, lines: tuple[int, int]) -> None:
        """Refuses what one statement imports.

        Args:
            name: Dotted and absolute.
            members: What is taken from it: of `from os import path`, `path`.
            file: Where the statement stands.
            lines: Its first and last line.

        Raises:
            ImportError: With the module, the place, and the edit.
        """
        for wanted in _each(name, members):
            why = self._refused(wanted)
            if why is not None and not _is_waived(wanted, file, lines):
                where = f"{self._paths.shown(file)}:{lines[0]}"
                raise ImportError(
                    f"{wanted!r} is not for plugins to import ({where}): {why}", name=wanted, path=file
                )

    def is_allowed(self, name: str, members: Collection[str]) -> bool:
        """Whether a statement may stand in any line."""
        return all(self._refused(wanted) is None for wanted in _each(name, members))

    def _refused(self, wanted: str) -> str | None:
        top = wanted.partition(".")[0]
        if is_standard(top) or top in self.own or top == "services_ai_sdk":
            reason = self._rules.allows(wanted, declared=self._network)
            if reason is not None and '"network"' not in reason:
                reason += f"; or tell admins why, in this line: # services-ai: allow {wanted} - why"
            return reason
        if _normal(top) in self._packages or self._is_brought(wanted):
            return self._rules.allows(wanted, declared=self._network | {top})
        if not _is_there(top):
            return None  # the import itself says so
        return (
            "it is neither the plugin's own nor a declared dependency: "
            f'add "{_normal(top).replace("_", "-")}": "*" to "dependencies": {{"packages": …}} in manifest.json'
        )

    def _is_brought(self, wanted: str) -> bool:
        """Whether a declared package has it, as its RECORD says: read once, where a name alone does not tell."""
        if self._brought is None:
            self._brought = frozenset(
                name
                for folder in (self._search_path if self._search_path is not None else sys.path)
                if not folder.startswith(self._paths.task_root)
                for name in _names_in(folder, self._packages)
            )
        parts = wanted.split(".")
        return any(".".join(parts[:end]) in self._brought for end in range(1, len(parts) + 1))


def refuse_hiding(own: Collection[str], task_root: str, entry_point: str) -> None:
    """Refuses a plugin whose files take the place of Python's modules, which the runtime imports from too.

    Raises:
        ImportError: With the file.
    """
    for top in own:
        if not hides_python(top):
            continue
        for file in (f"{top}.py", f"{top}/__init__.py"):
            path = os.path.join(task_root, *file.split("/"))  # noqa: PTH118
            if file != entry_point and os.path.exists(path):  # noqa: PTH110
                raise ImportError(f"{file} would hide Python's own {top!r}: rename it", name=top, path=path)


def _each(name: str, members: Collection[str]) -> list[str]:
    return [name, *(f"{name}.{member}" for member in members if member != "*")]


def _own_modules(task_root: str) -> frozenset[str]:
    try:
        entries = os.listdir(task_root)  # noqa: PTH208 - pathlib costs 3 ms
    except OSError:
        return frozenset()
    return frozenset(
        entry.partition(".")[0]
        for entry in entries
        if entry.endswith((".py", ".so")) or ("." not in entry and entry not in ("site-packages", "dist-packages"))
    )


def _is_there(top: str) -> bool:
    from importlib.util import find_spec

    try:
        return top in sys.modules or find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _names_in(folder: str, packages: Collection[str]) -> set[str]:
    """Dotted names of what declared packages have in a folder, as their RECORDs list it."""
    found: set[str] = set()
    try:
        entries = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return found
    for entry in entries:
        if not entry.endswith(".dist-info") or _normal(entry[:-10].partition("-")[0]) not in packages:
            continue
        record = os.path.join(folder, entry, "RECORD")  # noqa: PTH118
        try:
            with open(record, encoding="utf-8") as stream:  # noqa: PTH123
                for line in stream:
                    found.update(_import_names(line.rpartition(",")[0].rpartition(",")[0].strip('"')))
        except OSError:
            continue
    return found


def _import_names(path: str) -> list[str]:
    parts = path.split("/")
    if parts[-1] in ("__init__.py", "__init__.pyi"):
        return [".".join(parts[:-1])]
    if len(parts) <= 3 and path.endswith((".py", ".so")):
        return [".".join([*parts[:-1], parts[-1].partition(".")[0]])]
    return []


def _is_waived(wanted: str, file: str, lines: tuple[int, int]) -> bool:
    import linecache
    import re

    parts = wanted.split(".")
    names = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    for number in range(lines[0], lines[1] + 1):
        match = re.search(_WAIVER, linecache.getline(file, number), re.IGNORECASE)
        if match and names & {name.strip() for name in match[1].split(",")}:
            return True
    return False


def _normal(name: str) -> str:
    plain = name.strip().lower().replace("-", "_").replace(".", "_")
    while "__" in plain:
        plain = plain.replace("__", "_")
    return plain
