"""Whose file is it: the plugin's own, a dependency's, or the runtime's?"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_INSTALLED = ("site-packages", "dist-packages")
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # noqa: PTH120, PTH100 - pathlib costs 3 ms


class CodePaths:
    """Where the code of this process lies.

    Args:
        task_root: The plugin's folder: `/var/task` in Lambda.
        layer_root: Where layers are: `/opt`.
        search_path: `sys.path` when left out, read at each use.
    """

    def __init__(self, task_root: str, layer_root: str = "/opt", search_path: Sequence[str] | None = None) -> None:
        self.task_root = task_root.rstrip(os.sep) or os.sep
        self._layer_root = layer_root.rstrip(os.sep)
        self._search_path = search_path

    def in_app(self, file: str) -> bool:
        """Whether the plugin's author wrote it: below the task root, and not installed there by a tool."""
        if not file.startswith(self.task_root + os.sep):
            return False
        return not _is_installed(file[len(self.task_root) :])

    def in_dependency(self, file: str) -> bool:
        """Whether it came with a package: from a layer, or from a folder of installed packages."""
        if file.startswith(_OURS) or self.in_app(file):
            return False
        return file.startswith(self._layer_root + os.sep) or _is_installed(file)

    @staticmethod
    def is_ours(file: str) -> bool:
        """Whether it is the runtime itself, or the import system: of no interest in a stack trace."""
        return file.startswith((_OURS, "<frozen "))

    def shown(self, file: str) -> str:
        """Relative to the task root, else to the longest entry of the search path that holds it."""
        if file.startswith(self.task_root + os.sep):
            return file[len(self.task_root) + 1 :]
        entries = self._search_path if self._search_path is not None else sys.path
        holding = [entry for entry in entries if entry and file.startswith(entry.rstrip(os.sep) + os.sep)]
        return file[len(max(holding, key=len).rstrip(os.sep)) + 1 :] if holding else file


def _is_installed(file: str) -> bool:
    return any(f"{os.sep}{folder}{os.sep}" in file for folder in _INSTALLED)
