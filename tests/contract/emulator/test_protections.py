"""What protects this machine is named, looked for when the engine starts, and required."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services_ai_sdk.emulator.bubblewrap import find_bubblewrap, uid_of
from services_ai_sdk.emulator.engine import Engine
from services_ai_sdk.emulator.errors import SandboxUnavailableError
from services_ai_sdk.emulator.protections import REQUIRED
from services_ai_sdk.emulator.sandbox import BubblewrapSandbox
from tests.contract.emulator.emulators import Emulator, Functions, Log, shared_store

# A bubblewrap that leaves something out, and says nothing.
FORGETFUL = """\
#!{python} -IS
import os, sys
if "--args" not in sys.argv:
    os.execv("{real}", ["{real}", *sys.argv[1:]])
place = sys.argv.index("--args") + 1
given = os.read(int(sys.argv[place]), 1 << 20).decode().split(chr(0))[:-1]
{edit}
fd = os.memfd_create("arguments")
os.write(fd, "".join(each + chr(0) for each in given).encode())
os.lseek(fd, 0, os.SEEK_SET)
os.set_inheritable(fd, True)
sys.argv[place] = str(fd)
os.execv("{real}", ["{real}", *sys.argv[1:]])
"""
ALL_BUT = "every = ['--unshare-' + n for n in ('user', 'pid', 'net', 'ipc', 'uts', 'cgroup-try') if n != '{}']; "
INSTEAD = "given[:2] = every"
DROP = "at = given.index('{}'); del given[at:at + {}]"


@pytest.fixture
def forgetful() -> Iterator[Callable[[str], Path]]:
    """Makes one that edits `given`, the list of its arguments."""
    store = shared_store()
    made: list[Path] = []

    def make(edit: str) -> Path:
        folder = store / f"forgetful-{uuid.uuid4().hex}"
        folder.mkdir()
        path = folder / "bwrap"
        # A copy in the store: workers' users may not reach this process's own.
        python = next(path for path in sorted(store.glob("*/*/bin/python3.11")) if path.is_file())
        path.write_text(FORGETFUL.format(python=python, real=find_bubblewrap(store), edit=edit))
        path.chmod(0o755)
        folder.chmod(0o755)
        made.append(path)
        return path

    yield make
    for path in made:
        path.unlink()
        path.parent.rmdir()


@pytest.mark.parametrize(
    ("edit", "missing"),
    [
        ("pass", ""),
        (ALL_BUT.format("net") + INSTEAD, "own network (net namespace)"),
        (ALL_BUT.format("ipc") + INSTEAD, "own shared memory (ipc namespace)"),
        (ALL_BUT.format("uts") + INSTEAD + "; " + DROP.format("--hostname", 2), "own host name (uts namespace)"),
        (DROP.format("--add-seccomp-fd", 2), "a filter on system calls (seccomp)"),
        ("at = given.index('/dev'); at = given.index('--remount-ro', at + 3); del given[at:at + 2]",
         "a root folder that is read-only"),
        ("at = given.index('/proc/sys'); del given[at - 1:at + 2]", "kernel settings that are read-only"),
        (DROP.format("--size", 2), "a private /tmp of limited size"),
        ("given += ['--bind', '/tmp', '/tmp']", "a private /tmp of limited size"),
    ],
)  # fmt: skip
def test_what_a_bubblewrap_leaves_out_is_found_and_named(
    forgetful: Callable[[str], Path], edit: str, missing: str
) -> None:
    sandbox = BubblewrapSandbox(forgetful(edit), shared_store(), memory_in_group=True)
    sandbox.write_inside()
    if not missing:
        sandbox.require(uid_of(0))
        return
    with pytest.raises(SandboxUnavailableError) as refused:
        sandbox.require(uid_of(0))
    assert missing in refused.value.message
    assert "--unsafe" in str(refused.value.hint)


def test_as_root_a_function_would_be_root_and_that_is_refused() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can try")
    sandbox = BubblewrapSandbox(find_bubblewrap(shared_store()), shared_store(), memory_in_group=True)
    sandbox.write_inside()
    with pytest.raises(SandboxUnavailableError, match="an unprivileged user of this machine"):
        sandbox.require(None)


def test_an_engine_does_not_start_without_and_does_when_told_so(
    forgetful: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = forgetful(DROP.format("--add-seccomp-fd", 2))
    monkeypatch.setenv("PATH", f"{own.parent}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailableError, match="seccomp"):
        Engine(Functions(), Log(), store=shared_store())
    assert Engine(Functions(), Log(), store=shared_store(), unsafe=True).status()["protections"] == [
        "none (--unsafe): functions see this user's files and network"
    ]


def test_each_required_one_is_in_the_status_by_name(emulator: Emulator) -> None:
    said = emulator.engine.status()["protections"]
    assert [each.words for each in REQUIRED] == said[: len(REQUIRED)]
    assert len(REQUIRED) == 14
