"""moto's state from one start to the next: what `moto_main` needs of the snapshots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infra.local.snapshots.folder import SnapshotFolder
from infra.local.snapshots.restoring import restore
from infra.local.snapshots.writer import SnapshotWriter


class KeptState:
    """Keeps nothing until it is opened."""

    def __init__(self) -> None:
        self._writer: SnapshotWriter | None = None

    def open(self, path: Path) -> dict[str, Any]:
        """Reads what the local cloud before left, and writes from now on what changes.

        Returns:
            `taken_at_s` (0: nothing was read), `counts` by kind, `notes` for a person, `outputs` of each stack.
        """
        import moto

        from infra.local.moto_ops import positions
        from infra.local.moto_patches.nothing_leaves import fork
        from infra.local.snapshots.inventory import counts, stack_outputs

        folder = SnapshotFolder(path, moto.__version__)
        notes = folder.open()
        restored = restore(folder)
        positions.resume()
        self._writer = SnapshotWriter(folder, restored.changes, fork)
        # A loss that was told is over: from now on this state is the newest.
        self._writer.finish()
        return {
            "taken_at_s": restored.taken_at_s,
            "notes": notes + restored.notes,
            "counts": counts(),
            "outputs": stack_outputs(),
        }

    def changed(self) -> None:
        """Something is not as it was."""
        if self._writer is not None:
            self._writer.changed()

    def finish(self) -> None:
        """Writes what is not written."""
        if self._writer is not None:
            self._writer.finish()
