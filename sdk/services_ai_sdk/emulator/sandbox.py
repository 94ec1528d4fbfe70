"""A worker's command: bubblewrap's arguments from a function's layout and profile."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services_ai_sdk.emulator.environment import AWS_PORT, PROXY_PORT, RUNTIME_PORT, Places
from services_ai_sdk.emulator.errors import EmulatorError
from services_ai_sdk.emulator.orphans import mark_of
from services_ai_sdk.emulator.protections import REQUIRED, require
from services_ai_sdk.emulator.seccomp import seccomp_filter
from services_ai_sdk.emulator.spec import FunctionSpec
from services_ai_sdk.emulator.store import Layout, Tree

_INIT = Path(__file__).parent / "inside" / "init.py"
_SANDBOX_UID = 993
"""The number by which a function knows itself inside, as Lambda's sbx_user does."""
_IN_GROUP = "memory of a worker's processes and its /tmp together (control group)"
_BY_LOOKING = (
    "memory less strictly, for want of a control group: a data limit on each process, and a look every 0.1 s at "
    "all of a worker's processes together, which may have more in between; /tmp by its size"
)
_ETC = {
    "passwd": "root:x:0:0:root:/root:/sbin/nologin\nsbx_user:x:993:990::/home/sbx_user:/sbin/nologin\n",
    "group": "root:x:0:\nsbx_user:x:990:\n",
    "hosts": "127.0.0.1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


@dataclass(frozen=True, slots=True)
class Command:
    """How to start one worker.

    Args:
        argv: The command; `{channel}` in it stands for the channel's file descriptor.
        arguments: What goes to bubblewrap through a file descriptor, so that no secret is on a command line.
        filter: The system-call filter, or nothing.
    """

    argv: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    filter: bytes
    sandboxed: bool


class Sandbox(Protocol):
    """Turns a layout into a command.

    Attributes:
        places: Where functions find things.
        has_proxy: Whether what functions connect to goes through the engine.
    """

    places: Places
    has_proxy: bool

    def protections(self) -> list[str]:
        """What it stops, in plain words."""

    def command(self, spec: FunctionSpec, layout: Layout, environment: Mapping[str, str]) -> Command:
        """The command of one worker.

        Raises:
            EmulatorError: A value that cannot be handed to a process.
        """


class BubblewrapSandbox:
    """The real one.

    Args:
        bwrap: The binary.
        store: For the few files that `/etc` needs inside.
        memory_in_group: Whether a control group limits memory; else the process's own data limit does.
    """

    places = Places()
    has_proxy = True

    def __init__(self, bwrap: Path, store: Path, *, memory_in_group: bool) -> None:
        self._bwrap = bwrap
        self._memory_in_group = memory_in_group
        self._filter = seccomp_filter(memory_in_group=memory_in_group)
        self._files = {"init.py": _INIT.read_text(encoding="utf-8"), **_ETC}
        # By what they hold: engines of two versions may share a store, and start workers as long as they run.
        digest = hashlib.sha256(json.dumps(self._files).encode()).hexdigest()[:12]
        self._inside = store / "inside" / digest
        self._mark = mark_of(store, os.getpid())

    def protections(self) -> list[str]:
        """What it stops, in plain words."""
        return [
            *(each.words for each in REQUIRED),
            "hosts that a manifest declares over a proxy alone, which holds each connection against the list",
            "code, layers, Python and system files read-only; no home folder, no file of another function",
            "limits on processes, open files, the size of a file, and core dumps",
            _IN_GROUP if self._memory_in_group else _BY_LOOKING,
        ]

    def command(self, spec: FunctionSpec, layout: Layout, environment: Mapping[str, str]) -> Command:
        """The command of one worker."""
        arguments = [
            *self._surroundings(self._tmp_size_bytes(spec)),
            "--ro-bind", str(layout.runtime.lang), self.places.lang,
            "--ro-bind", str(layout.runtime.packages), self.places.runtime,
            *_merged((layout.code,), self.places.task),
            *(_merged(layout.layers, "/opt") if layout.layers else ("--dir", "/opt")),
            "--ro-bind", str(self._inside / "init.py"), "/var/rapid/init.py",
            "--remount-ro", "/", "--chdir", self.places.task, "--clearenv",
        ]  # fmt: skip
        for name, value in environment.items():
            if not name or "=" in name:
                raise EmulatorError(f"{spec.function_name}: no environment variable can be named {name!r}")
            arguments += ["--setenv", name, value]
        minor = layout.runtime.minor
        ports = [RUNTIME_PORT, AWS_PORT]
        if spec.profile.network != "none":
            ports.append(PROXY_PORT)
        options = init_options(spec, self.places, minor, ports, self._mark, memory_in_group=self._memory_in_group)
        argv = (
            str(self._bwrap), "--args", "{arguments}", "--",
            f"{self.places.lang}/bin/python{minor}", "-I", "-S", "/var/rapid/init.py", "{channel}", options,
        )  # fmt: skip
        for argument in arguments:
            # Arguments are separated by NUL bytes: one inside a value would begin another argument.
            if "\0" in argument or not _is_encodable(argument):
                raise EmulatorError(f"{spec.function_name}: NUL or half a character in {argument!r:.100}")
        return Command(argv, tuple(arguments), {}, self._filter, sandboxed=True)

    def _surroundings(self, tmp_size_bytes: int) -> list[str]:
        """What is the same for every function."""
        return [
            "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
            "--uid", str(_SANDBOX_UID), "--gid", "990", "--hostname", "lambda",
            *_system(), *self._etc(),
            "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev", "--remount-ro", "/dev",
            "--perms", "1777", "--size", str(tmp_size_bytes), "--tmpfs", "/tmp",  # noqa: S108 - inside it is private
        ]  # fmt: skip

    def require(self, uid: int | None) -> None:
        """Looks from inside whether all that is required is there; after `write_inside`.

        Args:
            uid: The user to look as; None for this process's own.

        Raises:
            SandboxUnavailableError: It is not.
        """
        arguments = [*self._surroundings(1024 * 1024), "--remount-ro", "/", "--chdir", "/", "--clearenv"]
        require(self._bwrap, arguments, self._filter, uid)

    def _tmp_size_bytes(self, spec: FunctionSpec) -> int:
        size_mb = spec.profile.tmp_size_mb
        # /tmp is memory. A group counts it with the rest; without one nothing else bounds it.
        return (size_mb if self._memory_in_group else min(size_mb, spec.memory_mb)) * 1024 * 1024

    def _etc(self) -> list[str]:
        return [part for name in _ETC for part in ("--ro-bind", str(self._inside / name), f"/etc/{name}")]

    def write_inside(self) -> None:
        """Puts the files that every worker shares into the store."""
        self._inside.mkdir(parents=True, exist_ok=True)
        for folder in (self._inside.parent, self._inside):
            folder.chmod(0o755)
        for name, text in self._files.items():
            unfinished = self._inside / f".{name}.{os.getpid()}"
            unfinished.write_text(text, encoding="utf-8")
            unfinished.chmod(0o644)
            unfinished.replace(self._inside / name)


class NoSandbox:
    """For machines without the means, and only when told so: functions run as this user."""

    places = Places()
    has_proxy = False

    def protections(self) -> list[str]:
        """None."""
        return ["none (--unsafe): functions see this user's files and network"]

    def command(self, spec: FunctionSpec, layout: Layout, environment: Mapping[str, str]) -> Command:
        """The command of one worker."""
        places = Places(
            task=str(layout.code.files),
            layers=tuple(str(layer.files) for layer in reversed(layout.layers)),
            runtime=str(layout.runtime.packages),
            lang=str(layout.runtime.lang),
        )
        minor = layout.runtime.minor
        own = {
            **environment,
            "LAMBDA_TASK_ROOT": places.task,
            "LAMBDA_RUNTIME_DIR": places.runtime,
            "LD_LIBRARY_PATH": f"{places.lang}/lib",
            "PYTHONPATH": ":".join(places.sys_path(minor)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        options = init_options(spec, places, minor, [0, 0], "", memory_in_group=True)
        argv = (f"{places.lang}/bin/python{minor}", "-I", "-S", "-B", str(_INIT), "{channel}", options)
        return Command(argv, (), own, b"", sandboxed=False)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def init_options(
    spec: FunctionSpec,
    places: Places,
    minor: str,
    ports: list[int],
    mark: str,
    *,
    memory_in_group: bool,
) -> str:
    """What `inside/init.py` is told, as JSON; nothing secret. The mark is what `orphans` reads from outside."""
    limits = {
        # No RLIMIT_CPU: what burns time ends with the function's Timeout; its calls have no sum that matters.
        "RLIMIT_CORE": 0,
        # A MB more than /tmp holds, so that /tmp says that it is full: this is for files elsewhere, in memory.
        "RLIMIT_FSIZE": (spec.profile.tmp_size_mb + 1) * 1024 * 1024,
        "RLIMIT_NOFILE": spec.profile.open_files_max,
        "RLIMIT_NPROC": spec.profile.processes_max,
    }
    if not memory_in_group:
        limits["RLIMIT_DATA"] = (spec.memory_mb + 64) * 1024 * 1024
    if places.task != "/var/task":
        # Without namespaces the limit would count every process of this user.
        del limits["RLIMIT_NPROC"]
    return json.dumps(
        {
            "ports": ports,
            "sys_path": places.sys_path(minor),
            "limits": limits,
            "mark": mark,
        }
    )


def _system() -> list[str]:
    """The system's libraries and programs, read-only, and nothing else of it."""
    arguments: list[str] = []
    for name in (
        "/usr/bin",
        "/usr/lib",
        "/usr/lib64",
        "/usr/share/zoneinfo",
        "/etc/ld.so.cache",
        "/etc/alternatives",
        "/etc/ssl/certs",
    ):
        arguments += ["--ro-bind-try", name, name]
    for name in ("/bin", "/lib", "/lib64"):
        path = Path(name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), name]
        else:
            arguments += ["--ro-bind-try", name, name]
    return arguments


def _merged(trees: tuple[Tree, ...], place: str) -> list[str]:
    """One read-only folder of several; bubblewrap's first source is the lowest."""
    arguments: list[str] = []
    for tree in trees:
        arguments += ["--overlay-src", str(tree.files), "--overlay-src", str(tree.bytecode)]
    return [*arguments, "--ro-overlay", place]
