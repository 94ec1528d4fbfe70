"""What the suite can be run against: our local cloud, or a stand-in from PyPI in a venv of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MINISTACK = "1.5.33"
START_MAX_S = 60.0


class StandInMissingError(Exception):
    """A stand-in cannot be had on this machine; says what is missing."""


def cache_folder() -> Path:
    """Where stand-ins are kept between runs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "services-ai-stand-ins"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@contextmanager
def ours() -> Iterator[str]:
    """Our local cloud without the platform; yields its endpoint."""
    from infra.local import lifecycle
    from infra.local.state import StateDir
    from services_ai_sdk.emulator.home import default_home

    with tempfile.TemporaryDirectory(prefix="services-ai-lambda-api-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        # The unpacked Pythons and runtimes are shared: making them takes longer than the suite.
        (folder / "store").symlink_to(StateDir(default_home()).store)
        options = lifecycle.CloudOptions(port=0, state_dir=folder, platform=False)
        started = lifecycle.start(options, lambda line: None)
        try:
            yield started.info.endpoint
        finally:
            started.stop()


def ministack_python() -> Path:
    """The Python of ministack's venv, which is made the first time.

    Raises:
        StandInMissingError: It cannot be installed.
    """
    venv = cache_folder() / f"ministack-{MINISTACK}-python3.{sys.version_info.minor}"
    python = venv / "bin" / "python"
    stamp = venv / ".complete"
    if not stamp.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        # boto3: a function finds it at Lambda, and ministack runs functions under its own Python.
        wanted = [f"ministack=={MINISTACK}", "boto3"]
        command = [str(python), "-m", "pip", "install", "--quiet", *wanted]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise StandInMissingError(
                f"ministack {MINISTACK} could not be installed from PyPI (check the network, or point pip at your"
                f" mirror): {done.stderr.strip().splitlines()[-1:]}"
            )
        stamp.touch()
    return python


@contextmanager
def ministack() -> Iterator[str]:
    """ministack in a process of its own on a loopback port, running functions as processes, without Docker."""
    python = ministack_python()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ministack-") as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "TMPDIR": folder,
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": "WARNING",
        }
        with (Path(folder) / "output.txt").open("wb") as output:
            process = subprocess.Popen(
                [str(python), "-m", "ministack"], env=environment, cwd=folder, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
        try:
            wait_for(port, process, Path(output.name))
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that leads a group of its own, and what it leaves behind."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        pass  # the kill below ends it
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nothing was left behind
    process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    """Waits until a stand-in listens.

    Raises:
        StandInMissingError: It ended, or took longer than a minute.
    """
    until = time.monotonic() + START_MAX_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    tail = " / ".join(output.read_text(errors="replace").strip().splitlines()[-3:])
    raise StandInMissingError(f"it did not listen within {START_MAX_S:.0f} s: {tail}")


STAND_INS = {"ours": ours, "ministack": ministack}
