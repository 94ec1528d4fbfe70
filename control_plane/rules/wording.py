"""A failure in words for people. What is stored, and what `--json` prints, stays as Lambda said it."""

from __future__ import annotations

import re

_REQUEST = re.compile(
    r"\s*(?:RequestId: [0-9A-Za-z-]{1,64}|\d{4}-\d\d-\d\dT\S{1,20} [0-9a-f-]{36})(?: Error:)?\s+"
)
_STATUS = re.compile(r"Runtime exited with error: exit status (\d{1,5})\s*\Z")
_SIGNAL = re.compile(r"Runtime exited with error: signal: ([a-z0-9 ()-]{1,60}?)\s*\Z", re.IGNORECASE)
_NO_REASON = re.compile(r"Runtime exited without providing a reason\s*\Z")
_PROCESS_ENDED = frozenset({"Runtime.ExitError", "Runtime.OutOfMemory", "Sandbox.Timedout"})


def process_ended(kind: str) -> bool:
    """Whether a failure of this type is the end of a process, which leaves no trace."""
    return kind in _PROCESS_ENDED


def headline(kind: str, message: str) -> str:
    """`type: message`, with Lambda's own texts in plain words and without their request ids."""
    return f"{kind}: {_words(kind, message) if process_ended(kind) else message}"


def _words(kind: str, message: str) -> str:
    text = message[:2000]
    found = _REQUEST.match(text)
    if found:
        text = text[found.end() :]
    if status := _STATUS.match(text):
        return f"the process ended itself with exit status {status[1]} (os._exit, or a crash in C code)"
    if _NO_REASON.match(text):
        return "the process ended itself with exit status 0 (os._exit)"
    if signal := _SIGNAL.match(text):
        name = signal[1].lower()
        if name == "killed":
            more = "more memory than it has" if kind == "Runtime.OutOfMemory" else "as Lambda does for memory"
            return f"the process was killed ({more})"
        return f"the process died of a signal: {name} (a crash in C code)"
    return text or message
