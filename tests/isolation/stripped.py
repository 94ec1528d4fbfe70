"""The real sandbox with one protection, or several, left out: to see that it is this one that stops something."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from services_ai_sdk.emulator.checks import Checks
from services_ai_sdk.emulator.environment import Places
from services_ai_sdk.emulator.sandbox import Command, Sandbox
from services_ai_sdk.emulator.spec import FunctionSpec
from services_ai_sdk.emulator.store import Layout

_ALLOW_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)
_HOST_FOLDERS = ("/boot", "/home", "/mnt", "/root", "/run", "/srv", "/sys", "/var/lib", "/var/log", "/var/tmp")
_HOST_FILES = ("/etc/hostname", "/etc/machine-id", "/etc/os-release", "/etc/resolv.conf")
_NAMESPACES = ("user", "ipc", "pid", "net", "uts", "cgroup")


def own_files(command: Command) -> Command:
    """The machine's folders are there, to read and to write."""
    binds = [part for name in _HOST_FOLDERS for part in ("--bind-try", name, name)]
    binds += [part for name in _HOST_FILES for part in ("--ro-bind-try", name, name)]
    at = command.arguments.index("--proc")
    return _with(command, *command.arguments[:at], *binds, *command.arguments[at:])


def read_only_files(command: Command) -> Command:
    """Every folder may be written to; what is written to code and layers is gone with the worker."""
    kept = list(command.arguments)
    while "--remount-ro" in kept:
        at = kept.index("--remount-ro")
        del kept[at : at + 2]
    return _with(command, *("--tmp-overlay" if part == "--ro-overlay" else part for part in kept))


def own_network(command: Command) -> Command:
    """The machine's network."""
    options = json.loads(command.argv[-1])
    options["ports"] = [0 for _ in options["ports"]]
    shared = _without_namespace(command, "net")
    return replace(shared, argv=(*command.argv[:-1], json.dumps(options)))


def own_processes(command: Command) -> Command:
    """The machine's processes, seen and numbered as everywhere."""
    shared = _without_namespace(command, "pid")
    at = shared.arguments.index("--proc")
    assert shared.arguments[at : at + 5] == ("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys")
    return _with(shared, *shared.arguments[:at], "--ro-bind", "/proc", "/proc", *shared.arguments[at + 5 :])


def own_ipc(command: Command) -> Command:
    """The machine's shared memory and semaphores."""
    return _without_namespace(command, "ipc")


def own_host_name(command: Command) -> Command:
    """The machine's name."""
    at = command.arguments.index("--hostname")
    return _without_namespace(_with(command, *command.arguments[:at], *command.arguments[at + 2 :]), "uts")


def no_new_namespaces(command: Command) -> Command:
    """A worker may make user namespaces, and is root in them."""
    return _with(command, *(part for part in command.arguments if part != "--disable-userns"))


def seccomp(command: Command) -> Command:
    """Every system call."""
    return replace(command, filter=_ALLOW_ALL)


def limits(command: Command) -> Command:
    """No limit on processes, files, core dumps."""
    options = {**json.loads(command.argv[-1]), "limits": {}}
    return replace(command, argv=(*command.argv[:-1], json.dumps(options)))


def tmp_size(command: Command) -> Command:
    """A /tmp of any size."""
    at = command.arguments.index("--size")
    return _with(command, *command.arguments[: at + 1], str(1 << 40), *command.arguments[at + 2 :])


def own_environment(command: Command) -> Command:
    """The engine's environment variables as well."""
    kept = (part for part in command.arguments if part != "--clearenv")
    return replace(_with(command, *kept), environment=dict(os.environ))


def isolated_start(command: Command) -> Command:
    """Python starts as it usually does: with PYTHONPATH, and with sitecustomize."""
    return replace(command, argv=tuple(part for part in command.argv if part not in ("-I", "-S")))


COMMANDS: Mapping[str, Callable[[Command], Command]] = {
    change.__name__.replace("_", "-"): change
    for change in (
        own_files, read_only_files, own_network, own_processes, own_ipc, own_host_name, no_new_namespaces, seccomp,
        limits, tmp_size, own_environment, isolated_start,
    )
}  # fmt: skip
"""What a protection of the process is called, and how a worker is started without it."""

CHECKS: Mapping[str, Mapping[str, Any]] = {
    "own-user": {"own_users": False},
    "memory": {"memory": False},
    "request-id": {"request_ids": False},
    "left-behind": {"left_behind": False},
    "marked-output": {"marked_output": False},
    "own-keys": {"own_keys": False},
}
"""The same for what the engine itself checks."""


WRAPPER: Mapping[str, Mapping[str, Any]] = {
    "import-rules": {"import_rules": False},
    "clean-tmp": {"cleans": ""},
}
"""The same for what the platform's wrapper does in the plugin's own process."""

ELSEWHERE = frozenset({"intake", "iam"})
"""What is switched where the attempt is made: checks of a package before it runs; IAM, of a whole local cloud."""


class Stripped:
    """A sandbox without some of its protections.

    Args:
        whole: The real one.
        without: Names of `COMMANDS`.
    """

    def __init__(self, whole: Sandbox, without: Iterable[str]) -> None:
        self.places: Places = whole.places
        self.has_proxy = whole.has_proxy
        self._whole = whole
        self._without = tuple(without)

    def protections(self) -> list[str]:
        """What is left out comes first."""
        return [*(f"WITHOUT {name}" for name in self._without), *self._whole.protections()]

    def command(self, spec: FunctionSpec, layout: Layout, environment: Mapping[str, str]) -> Command:
        """The real one's, changed."""
        command = self._whole.command(spec, layout, environment)
        for name in self._without:
            changed = COMMANDS[name](command)
            assert changed != command, f"{name}: the sandbox's command has nothing to leave out"
            command = changed
        return command


def engine_options(without: Iterable[str]) -> dict[str, Any]:
    """What an engine is made with to lack these protections."""
    names = set(without) - set(WRAPPER) - ELSEWHERE
    assert names <= {*COMMANDS, *CHECKS}, f"no such protection: {names - {*COMMANDS, *CHECKS}}"
    commands = [name for name in COMMANDS if name in names]
    checks: dict[str, Any] = {}
    for name in names & set(CHECKS):
        checks.update(CHECKS[name])
    return {"sandbox": lambda whole: Stripped(whole, commands), "checks": Checks(**checks)}


def _with(command: Command, *arguments: str) -> Command:
    return replace(command, arguments=arguments)


def _without_namespace(command: Command, name: str) -> Command:
    """The same command, which several of these may have changed before."""
    all_of_them = ("--unshare-all",)
    each = tuple(f"--unshare-{kind}" for kind in _NAMESPACES)
    spelled = [part for part in command.arguments if part not in all_of_them]
    if len(spelled) != len(command.arguments):
        spelled = [*each, *(part for part in spelled if part != "--unshare-user")]
    return _with(command, *(part for part in spelled if part != f"--unshare-{name}"))


HOST_FOLDER = Path("/var/tmp")
"""Where a test may put what a worker must not see: one of the folders that `own_files` shows."""
