"""What a worker prints, cut into lines: whole, bounded, and never slow."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from services_ai_sdk.emulator.output import KEPT_BYTES_MAX, LINES_MAX, Output, tail
from services_ai_sdk.emulator.ports import LogLine
from services_ai_sdk.emulator.redaction import Redaction

SECRET = "wJalr/XUtnFEMI+K7MDENG"
LONGER = SECRET + "/bPxRfiCY="


class Pipe:
    """A pipe whose other end an `Output` reads; its clock is what the test says."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(self.writing, False)
        self.now_ms = 1000
        self.output = Output(reading, lambda: self.now_ms, Redaction([SECRET, LONGER, "short"]))

    def say(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self.writing, data) :]
            except BlockingIOError:
                self.output.drain()
        self.output.drain()

    def texts(self) -> list[str]:
        return [line.text for line in self.output.take()]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    os.close(made.output.fd)
    if made.writing >= 0:
        os.close(made.writing)


def test_lines(pipe: Pipe) -> None:
    pipe.say(b"one\ntwo\r\n\nlast")
    assert pipe.texts() == ["one", "two", "", "last"]
    assert pipe.texts() == []


def test_line_in_pieces_has_the_time_of_its_first(pipe: Pipe) -> None:
    for piece in (b"be", b"gin", b"ning\nnext ", b"line\n"):
        pipe.say(piece)
        pipe.now_ms += 1
    assert pipe.output.take() == [LogLine(1000, "beginning"), LogLine(1002, "next line")]


def test_character_in_pieces(pipe: Pipe) -> None:
    whole = "ä€😀\n".encode()
    for byte in whole:
        pipe.say(bytes([byte]))
    assert pipe.texts() == ["ä€😀"]


def test_bytes_that_are_no_text(pipe: Pipe) -> None:
    pipe.say(b"\xff\xfe\x80ok\xc3\n\x00\x1b[31m\n")
    assert pipe.texts() == ["\ufffd\ufffd\ufffdok\ufffd", r"\x00\x1b[31m"]


def test_flood_is_counted_not_kept(pipe: Pipe) -> None:
    line = b"x" * 99 + b"\n"
    for _ in range(50_000):
        pipe.say(line)
    texts = pipe.texts()
    assert sum(len(text) + 1 for text in texts[:-1]) <= KEPT_BYTES_MAX + 1
    assert texts[-1] == f"[{5_000_000 - KEPT_BYTES_MAX} more bytes of output were not kept]"
    # The next call's output is whole again.
    pipe.say(b"after\n")
    assert pipe.texts() == ["after"]


def test_exactly_what_fits(pipe: Pipe) -> None:
    pipe.say(b"y" * 1023 + b"\n")
    for _ in range(KEPT_BYTES_MAX // 1024 - 1):
        pipe.say(b"y" * 1023 + b"\n")
    texts = pipe.texts()
    assert len(texts) == KEPT_BYTES_MAX // 1024
    assert not texts[-1].startswith("[")


def test_long_line_is_cut(pipe: Pipe) -> None:
    pipe.say(b"z" * 100_000 + b"\nshort\n")
    assert [len(text) for text in pipe.texts()] == [64 * 1024, 5]


def test_one_drain_does_not_go_on_for_ever() -> None:
    """A process that prints faster than it is read must not hold the loop."""
    reading = os.open("/dev/zero", os.O_RDONLY)
    try:
        assert Output(reading, lambda: 0).drain() is True
    finally:
        os.close(reading)


def test_end_of_the_pipe(pipe: Pipe) -> None:
    pipe.say(b"last words")
    os.close(pipe.writing)
    pipe.writing = -1
    assert pipe.output.drain() is False
    assert pipe.texts() == ["last words"]


def test_single_bytes_are_copied_a_few_times_not_thousands(counted: Callable[[], int]) -> None:
    """A function that prints byte by byte costs what it prints, not its square."""
    assert counted() < 10 * KEPT_BYTES_MAX


@pytest.fixture
def counted() -> Callable[[], int]:
    """Bytes handled while a line that came in single bytes is put together."""

    class Counted(bytes):
        handled = 0

        def __radd__(self, other: bytes) -> bytes:
            Counted.handled += len(other) + len(self)
            return Counted(bytes(other) + bytes(self))

        def __add__(self, other: bytes) -> bytes:
            Counted.handled += len(other) + len(self)
            return Counted(bytes(self) + bytes(other))

    def run() -> int:
        output = Output(-1, lambda: 0)
        output._kept = [(0, Counted(b"x")) for _ in range(20_000)]
        assert sum(len(line.text) for line in output.take()) == 20_000
        return Counted.handled

    return run


def test_tail_is_the_last_four_kilobytes() -> None:
    lines = [LogLine(0, f"line {number:05d} ä") for number in range(1000)]
    found = tail(lines)
    assert len(found) == 4096
    assert found.endswith("line 00999 ä\n".encode())
    assert tail([LogLine(0, "a"), LogLine(0, "b")]) == b"a\nb\n"


def test_the_cut_of_a_tail_takes_no_mark_off(pipe: Pipe) -> None:
    forged = b"REPORT RequestId: 1\tDuration: 1 ms"
    pipe.say(forged + b"\n" + b"x" * (4096 - len(forged) - 2) + b"\n")
    end = tail(pipe.output.take())
    assert len(end) == 4096
    assert end.startswith(b"\\EPORT RequestId: 1")


def test_flood_of_line_ends_takes_no_time(pipe: Pipe) -> None:
    pipe.say(b"first\n" + b"\n" * 1_000_000)
    since = time.perf_counter()
    texts = pipe.texts()
    assert time.perf_counter() - since < 0.05
    assert texts[0] == "first"
    assert len(texts) == LINES_MAX + 1
    assert texts[-1] == f"[{1_000_006 - 6 - (LINES_MAX - 1)} more bytes of output were not kept]"
    pipe.say(b"after\n")
    assert pipe.texts() == ["after"]


def test_flood_of_single_bytes_at_different_times_is_one_line(pipe: Pipe) -> None:
    for _ in range(100_000):
        pipe.say(b"z")
        pipe.now_ms += 1
    (line,) = pipe.output.take()
    assert line == LogLine(1000, "z" * 64 * 1024)


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        (f"a {SECRET} b {SECRET}", "a *** b ***"),
        (f"{LONGER}{SECRET}", "******"),
        ("key=wJalr%2FXUtnFEMI%2BK7MDENG&x", "key=***&x"),
        ("a short text", "a short text"),
        (SECRET[:-1], SECRET[:-1]),
    ],
)
def test_secrets_are_taken_out(pipe: Pipe, printed: str, kept: str) -> None:
    pipe.say(f"{printed}\n{printed}".encode())
    assert pipe.texts() == [kept, kept]


def test_a_secret_in_pieces_is_one(pipe: Pipe) -> None:
    for byte in f"x{SECRET}y\n".encode():
        pipe.say(bytes([byte]))
        pipe.now_ms += 1
    assert pipe.texts() == ["x***y"]


@pytest.mark.parametrize("shown", [8, 12, len(SECRET) - 1, len(SECRET)])
def test_a_secret_that_is_cut_off_leaves_no_part(pipe: Pipe, shown: int) -> None:
    for _ in range(KEPT_BYTES_MAX // 1024 - 1):
        pipe.say(b"y" * 1023 + b"\n")
    pipe.say(b"x" * (1024 - shown) + SECRET.encode() + b"more")
    *_, last, note = pipe.texts()
    assert SECRET[:8] not in last
    assert "more bytes of output were not kept" in note


def test_a_secret_at_the_end_of_what_is_kept_of_a_line_leaves_no_part(pipe: Pipe) -> None:
    pipe.say(b"x" * (64 * 1024 - 10) + SECRET.encode() + b"\n")
    (line,) = pipe.texts()
    assert line == "x" * (64 * 1024 - 10) + "***"
