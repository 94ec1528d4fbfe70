"""Reading the state that the local cloud before left, and saying what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.local.snapshots import pickling
from infra.local.snapshots.folder import BEFORE, NEWEST, Header, SnapshotFolder, Unreadable

Load = Callable[[bytes, pickling.Find], None]


@dataclass(slots=True)
class Restored:
    """What was found.

    Attributes:
        taken_at_s: Unix time of the state that goes on; 0 when there is none.
        changes: How many changes are in it.
        notes: What a person should know: lines that begin small, without an end mark.
    """

    taken_at_s: float = 0.0
    changes: int = 0
    notes: list[str] = field(default_factory=list)


def restore(folder: SnapshotFolder, load: Load = pickling.load) -> Restored:
    """Loads the newest snapshot that can be; what cannot be is set aside and named."""
    found = Restored()
    damaged_at_s = 0.0
    for name in (NEWEST, BEFORE):
        taken_at_s = folder.taken_at_s(name)
        try:
            header = _load(folder, name, load)
        except FileNotFoundError:
            continue
        except Unreadable as error:
            what = f"the state of {at(taken_at_s)} {error}"
            if not error.broken:
                # Neither is the one before: of the same origin, or older than what was meant to be read.
                found.notes.append(f"{what}: set aside as {folder.start_anew()}, the local cloud starts empty")
                return found
            found.notes.append(f"{what}: set aside as {folder.set_aside(name)}")
            damaged_at_s = damaged_at_s or taken_at_s
            continue
        found.taken_at_s, found.changes = header.taken_at_s, header.changes
        _note_losses(folder, header, damaged_at_s, found)
        return found
    if damaged_at_s:
        found.notes.append("there is no other: the local cloud starts empty")
    return found


def at(time_s: float) -> str:
    """A time of this machine's clock, with its day unless that is today."""
    when = time.localtime(time_s)
    today = time.localtime()[:3] == when[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", when)


def _load(folder: SnapshotFolder, name: str, load: Load) -> Header:
    header, body = folder.read(name)
    try:
        load(body, folder.find)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"cannot be read ({type(error).__name__}: {error})", broken=True) from error
    return header


def _note_losses(folder: SnapshotFolder, header: Header, damaged_at_s: float, found: Restored) -> None:
    changes, changed_at_s = folder.last_change()
    lost = changes - header.changes
    if lost > 0:
        count = f"{lost} change{'' if lost == 1 else 's'}"
        span = f"{_precisely(header.taken_at_s)} and {_precisely(max(changed_at_s, damaged_at_s))}"
        found.notes.append(f"lost: {count} made between {span}")
    elif damaged_at_s:
        span = f"{_precisely(header.taken_at_s)} and {_precisely(damaged_at_s)}"
        found.notes.append(f"lost: what was changed between {span}")
    if header.left_out:
        found.notes.append(f"not kept, because it cannot be written: {', '.join(header.left_out)}")


def _precisely(time_s: float) -> str:
    return f"{at(time_s)}.{int(time_s % 1 * 1000):03}"
