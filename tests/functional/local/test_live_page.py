"""`local up` and `local status --watch` on a terminal of their own."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from infra.local import lifecycle
from infra.local.lifecycle import CloudOptions
from tests.functional.local.test_lifecycle import home  # noqa: F401 - a fixture

pytestmark = pytest.mark.cloud

ADMIN = [sys.executable, "-m", "control_plane.cli.main", "local"]


class Terminal:
    """A command on a terminal of 100 by 30."""

    def __init__(self, state_dir: Path, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        environment = {**os.environ, "SERVICES_AI_HOME": str(state_dir), "TERM": "xterm-256color"}
        environment.pop("CI", None)
        self.process = subprocess.Popen(
            [*ADMIN, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.text = ""

    def until(self, words: str, timeout_s: float = 60) -> None:
        until = time.monotonic() + timeout_s
        while words not in self.text:
            assert time.monotonic() < until, self.text
            self._read(0.2)

    def end(self) -> int:
        until = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < until, self.text
            self._read(0.1)
        os.close(self.ours)
        return self.process.returncode

    def press(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def _read(self, timeout_s: float) -> None:
        if select.select([self.ours], [], [], timeout_s)[0]:
            try:
                self.text += os.read(self.ours, 65536).decode("utf-8", "replace")
            except OSError:  # the other side is gone
                time.sleep(timeout_s)


def test_up_shows_a_page_and_q_ends_the_local_cloud(home: Path) -> None:  # noqa: F811 - the fixture
    terminal = Terminal(home, "up", "--no-platform", "--port", "0")
    terminal.until("q or Ctrl-C ends the local cloud")
    assert "no function has been called yet" in terminal.text
    info = lifecycle.status(home)
    assert info is not None
    terminal.press(b"q")
    assert terminal.end() == 0
    assert lifecycle.status(home) is None
    assert "\x1b[?1049l" in terminal.text, "the terminal is as it was"


def test_watch_leaves_the_local_cloud_alone_and_ends_with_it(home: Path) -> None:  # noqa: F811 - the fixture
    lifecycle.up(CloudOptions(port=0, state_dir=home, platform=False), lambda line: None)
    terminal = Terminal(home, "status", "--watch")
    terminal.until("q or Ctrl-C leaves this page")
    terminal.press(b"q")
    assert terminal.end() == 0
    assert lifecycle.status(home) is not None
    terminal = Terminal(home, "status", "--watch")
    terminal.until("q or Ctrl-C leaves this page")
    lifecycle.down(home)
    terminal.until("the local cloud has ended")
    assert terminal.end() == 0


def test_watch_without_a_terminal_says_what_to_use(home: Path) -> None:  # noqa: F811 - the fixture
    lifecycle.up(CloudOptions(port=0, state_dir=home, platform=False), lambda line: None)
    environment = {**os.environ, "SERVICES_AI_HOME": str(home)}
    done = subprocess.run(
        [*ADMIN, "status", "--watch"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "local status --json" in done.stderr
