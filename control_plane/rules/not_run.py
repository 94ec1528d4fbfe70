"""Calls that were skipped because this machine cannot run the function; only the local cloud has them."""

from __future__ import annotations

_MARK = "not run: "


def lacking(reason: str) -> str:
    """What the machine lacks, by why a call was skipped or by what a smoke call found; else empty."""
    return reason.removeprefix(_MARK) if reason.startswith(_MARK) else ""
