"""What one tenant's call leaves in /tmp is gone before another tenant's begins.

Lambda keeps an environment for many calls, and all tenants of a plugin share its environments. Files can be taken
away; what lies in the plugin's own memory (globals, caches) cannot, and stays.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

_State = tuple[int, int, int]


class TenantFiles:
    """The files of one process's private folder.

    Args:
        folder: /tmp in Lambda; empty where nothing may be taken away, because it is not this process's own.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._tenant: str | None = None
        self._from_import: dict[str, _State] = {}

    def keep(self) -> None:
        """What is there now came with the import, of no tenant's data: it stays until somebody changes it."""
        if self._folder:
            try:
                self._from_import = {path: _state(path) for path, _ in self._files()}
            except OSError:
                # It closed a folder to itself: then nothing of it stays.
                self._from_import = {}

    def begin(self, tenant: str) -> None:
        """Before a call of this tenant.

        Raises:
            OSError: Something cannot be taken away.
        """
        if tenant == self._tenant:
            return
        if self._tenant is not None and self._folder:
            self._clean()
        self._tenant = tenant

    def _clean(self) -> None:
        for path, is_folder in self._files(opens=True):
            if is_folder:
                if path not in self._from_import:
                    os.rmdir(path)  # noqa: PTH106 - pathlib costs a cold start 3 ms
            elif self._from_import.get(path) != _state(path):
                os.unlink(path)  # noqa: PTH108

    def _files(self, *, opens: bool = False) -> Iterator[tuple[str, bool]]:
        """Everything below the folder, what is in a folder before the folder itself; links are not followed.

        Args:
            opens: Folders that cannot be read are made to be.
        """
        waiting = [(self._folder, False)]
        while waiting:
            folder, is_read = waiting.pop()
            if is_read:
                yield folder, True
                continue
            if folder != self._folder:
                if opens:
                    os.chmod(folder, 0o700)  # noqa: PTH101
                waiting.append((folder, True))
            with os.scandir(folder) as entries:
                for entry in list(entries):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, False))
                    else:
                        yield entry.path, False


def _state(path: str) -> _State:
    """Changes with whatever is done to a file; its change time cannot be set back."""
    found = os.lstat(path)
    if stat.S_ISDIR(found.st_mode):
        return found.st_ino, 0, 0
    return found.st_ino, found.st_ctime_ns, found.st_size
