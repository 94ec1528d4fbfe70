"""One demo run with a local cloud of its own, shared by the tests of this folder."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


class Demo:
    """Runs the demo in a state folder and on a port of its own."""

    def __init__(self, state: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.environment = {**os.environ, "SERVICES_AI_HOME": str(state), "SERVICES_AI_PORT": str(port)}

    def run(self, *arguments: str, on_line: Any = None) -> tuple[int, str, str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.demo", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if on_line:
                on_line(line)
        return process.wait(timeout=60), process.stdout.read(), "".join(lines)

    def json(self, *arguments: str, on_line: Any = None) -> dict[str, Any]:
        code, out, err = self.run(*arguments, "--json", on_line=on_line)
        assert code == 0, err
        answer: dict[str, Any] = json.loads(out)
        assert answer["ok"] is True
        return {**answer, "screen": err}

    def admin(self, *arguments: str) -> str:
        command = [str(Path(sys.executable).parent / "services-ai-admin"), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout


@contextmanager
def own_demo() -> Iterator[Demo]:
    state = Path(tempfile.mkdtemp(prefix="services-ai-demo-", dir="/var/tmp"))
    state.chmod(0o711)
    demo = Demo(state)
    yield demo
    demo.admin("local", "down")
    shutil.rmtree(state)


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """Whose local cloud holds the three examples."""
    with own_demo() as made:
        yield made


@pytest.fixture(scope="session")
def other_demo() -> Iterator[Demo]:
    """For runs that replace the local cloud."""
    with own_demo() as made:
        yield made


@pytest.fixture(scope="session")
def examples(demo: Demo) -> dict[str, Any]:
    """What `./dev demo --json` answered."""
    return demo.json()
