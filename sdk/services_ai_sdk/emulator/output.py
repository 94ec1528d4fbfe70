"""What a worker prints, cut into lines for the log."""

from __future__ import annotations

import array
import fcntl
import os
import termios
from collections.abc import Callable

from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.printed_text import MARK, printed_text
from services_ai_sdk.emulator.redaction import Redaction

KEPT_BYTES_MAX = 256 * 1024
"""Of one call's output; more is counted, not kept, so that a flood costs no memory."""
LINES_MAX = 5000
"""Of one call; a flood of line ends would cost the loop as much as one of text."""
_PIECES_MAX = 4096
"""Reads that keep a time of their own."""
_LINE_BYTES_MAX = 64 * 1024
_TAIL_BYTES = 4096


class Output:
    """Reads the pipe that a worker's standard output and error end in.

    Args:
        fd: Its reading end, not blocking.
        now_ms: Unix milliseconds.
        redaction: What is taken out of each line.
        marks: Whether what imitates Lambda's lines is marked.
    """

    def __init__(
        self, fd: int, now_ms: Callable[[], int], redaction: Redaction | None = None, *, marks: bool = True
    ) -> None:
        self._redaction = redaction or Redaction()
        self._fd = fd
        self._printed = printed_text if marks else _as_it_is
        self._now_ms = now_ms
        self._size = array.array("i", [0])
        self._kept: list[tuple[int, bytearray]] = []
        self._kept_bytes = 0
        self._dropped_bytes = 0

    @property
    def fd(self) -> int:
        """For the loop."""
        return self._fd

    @property
    def has_kept(self) -> bool:
        """Whether `take` has anything to give."""
        return bool(self._kept)

    def drain(self, reads_max: int = 64) -> bool:
        """Takes what is there, at most some megabytes at once; False at the end of the pipe."""
        for _ in range(reads_max):
            try:
                data = os.read(self._fd, 65536)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            room = KEPT_BYTES_MAX - self._kept_bytes
            if room > 0:
                self._keep(data[:room])
                self._kept_bytes += min(len(data), room)
            self._dropped_bytes += max(0, len(data) - max(room, 0))
        return True

    def drain_any(self) -> None:
        """As `drain`; where there is nothing, as after most calls, at a third of its cost."""
        fcntl.ioctl(self._fd, termios.FIONREAD, self._size)
        if self._size[0]:
            self.drain()

    def note(self, text: str) -> None:
        """A line of the engine's own, behind what was printed so far, and not counted with it."""
        self.drain()
        begun = bool(self._kept) and not self._kept[-1][1].endswith(b"\n")
        self._keep(b"\n" * begun + text.encode() + b"\n")

    def take(self) -> list[LogLine]:
        """The lines since the last call. A line without an end counts as one."""
        lines: list[LogLine] = []
        # Pieces, joined once a line: who prints byte by byte must not make the engine copy the line each time.
        pieces: list[bytes | bytearray] = []
        since_ms = 0
        for at_ms, data in self._kept:
            if len(lines) >= LINES_MAX:
                self._dropped_bytes += len(data)
                continue
            since_ms = since_ms if pieces else at_ms
            # The last part is what the next piece goes on with, or, with as many lines as there may be, the rest.
            first, *rest = data.split(b"\n", LINES_MAX - len(lines))
            pieces.append(first)
            for text in rest:
                lines.append(self._line(since_ms, self._redaction.whole(b"".join(pieces))))
                pieces, since_ms = [text] if text else [], at_ms
            if len(lines) >= LINES_MAX:
                self._dropped_bytes += len(rest[-1])
                pieces = []
        if pieces:
            redact = self._redaction.cut_off if self._dropped_bytes else self._redaction.whole
            lines.append(self._line(since_ms, redact(b"".join(pieces))))
        if self._dropped_bytes:
            lines.append(LogLine(self._now_ms(), f"[{self._dropped_bytes} more bytes of output were not kept]"))
        self._kept, self._kept_bytes, self._dropped_bytes = [], 0, 0
        return lines

    def _keep(self, data: bytes) -> None:
        now_ms = self._now_ms()
        if self._kept and (self._kept[-1][0] == now_ms or len(self._kept) >= _PIECES_MAX):
            self._kept[-1][1].extend(data)
        else:
            self._kept.append((now_ms, bytearray(data)))

    def _line(self, at_ms: int, text: bytes | bytearray) -> LogLine:
        return LogLine(at_ms, self._printed(text[:_LINE_BYTES_MAX].rstrip(b"\r").decode("utf-8", "replace")))


def _as_it_is(text: str) -> str:
    return text


def tail(lines: list[LogLine]) -> bytes:
    """The last 4 KB of a log, as X-Amz-Log-Result carries it."""
    whole = "\n".join(line.text for line in lines[-_TAIL_BYTES:]) + "\n"
    data = whole.encode("utf-8", "replace")
    end = data[-_TAIL_BYTES:]
    if len(data) > _TAIL_BYTES and data[-_TAIL_BYTES - 1 : -_TAIL_BYTES] != b"\n":
        # The cut may have taken what marks a printed line as no line of Lambda's.
        first = end[: end.index(b"\n")].decode("utf-8", "replace")
        if printed_text(first) != first:
            end = MARK.encode() + end[1:]
    return end
