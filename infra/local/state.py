"""The state directory: what a local cloud leaves on disk, and whether one runs.

`cloud.json` describes the running local cloud, `cloud.lock` is held by it, `store/` has unpacked code, Pythons and
runtimes, `logs/` what it and its functions printed, `moto/` what outlives it (see `snapshots`).
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, Any

from services_ai_sdk.emulator.errors import EmulatorError
from services_ai_sdk.emulator.home import default_home, open_home
from services_ai_sdk.wire.errors import PlatformError

ALREADY_RUNNING = "already-running"
"""Error code of a second one for the same directory."""


@dataclass(frozen=True, slots=True)
class CloudInfo:
    """A running local cloud.

    Attributes:
        pid: The engine's process.
        pid_started: When it started, as the kernel counts: a later process with the same id is another one.
        port: On 127.0.0.1.
        started_at: ISO 8601, UTC.
        outputs: The platform stack's; empty when it was started without the platform.
        unsafe: Functions run without a sandbox.
        faults: Name or file of the faults that are injected; empty for none.
        state_dir: Where all of this is kept.
        iam: Callers are held against their policies.
    """

    pid: int
    pid_started: int
    port: int
    stack: str
    region: str
    account_id: str
    started_at: str
    outputs: dict[str, str] = field(default_factory=dict)
    unsafe: bool = False
    faults: str = ""
    state_dir: str = ""
    iam: bool = True

    @property
    def endpoint(self) -> str:
        """The one address of every AWS service here."""
        return f"http://127.0.0.1:{self.port}"

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "endpoint": self.endpoint}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> CloudInfo:
        """What `to_dict` wrote.

        Raises:
            KeyError: A field is missing.
        """
        return cls(**{one.name: raw[one.name] for one in fields(cls)})


class StateDir:
    """One state directory, made if need be.

    Args:
        path: `default_home()` when None.

    Raises:
        PlatformError: It belongs to somebody else, others may write there, or a folder above cannot be passed.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path or default_home()).absolute()
        try:
            self.store = open_home(self.path)
        except EmulatorError as error:
            raise PlatformError(
                error.message,
                code="state-dir-unusable",
                hint="name another with --state-dir or SERVICES_AI_HOME, for example below /var/tmp",
            ) from error
        self.logs = self.path / "logs"
        self.logs.mkdir(mode=0o700, exist_ok=True)

    @property
    def snapshots(self) -> Path:
        """What moto holds, for the next start."""
        return self.path / "moto"

    @property
    def cloud_log(self) -> Path:
        """What the engine's and moto's processes print."""
        return self.logs / "cloud.log"

    def read(self) -> CloudInfo | None:
        """The local cloud that runs now; a description left by one that was killed is none."""
        try:
            raw = json.loads((self.path / "cloud.json").read_text())
            info = CloudInfo.from_dict(raw)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return info if process_started(info.pid) == info.pid_started else None

    def write(self, info: CloudInfo) -> None:
        """Publishes a description: whole or not at all."""
        descriptor, temporary = tempfile.mkstemp(dir=self.path)
        with os.fdopen(descriptor, "w") as file:
            json.dump(info.to_dict(), file, indent=2)
        Path(temporary).rename(self.path / "cloud.json")

    def clear(self) -> None:
        """Removes the description."""
        (self.path / "cloud.json").unlink(missing_ok=True)

    def lock(self) -> IO[str] | None:
        """The lock that a local cloud holds as long as it lives; None when one lives. Keep the file open."""
        file = (self.path / "cloud.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file


def process_started(pid: int) -> int:
    """When a process started, in the kernel's ticks since boot; 0 when there is none, or only its remains."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    # Behind the name come state (field 3) and, at field 22, the start (proc(5)).
    return 0 if words[0] in "ZX" else int(words[19])
