"""What the engine has to know of a function to run it: plain data, nothing of any plugin."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services_ai_sdk.emulator.network_rules import HostRule


@dataclass(frozen=True, slots=True)
class Artifact:
    """A zip file on disk that the engine may read: a function's code or one layer.

    Args:
        sha256: Hex digest of the zip; the name its unpacked tree gets in the store.
        path: Where the zip is.
    """

    sha256: str
    path: Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials of the function's role, as the worker's environment gets them."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SandboxProfile:
    """What a worker process may use besides its memory.

    Args:
        processes_max: Processes and threads at once in one worker (Lambda's own limit is 1,024).
        tmp_size_mb: Size of the private /tmp (Lambda's default is 512).
        open_files_max: Open files of each process (Lambda's own limit is 1,024).
        network: `none`, `hosts` (those listed) or `internet` (any public host); always by the engine's proxy.
        hosts: `api.example.com`, `*.example.com`, `api.example.com:8443`.
    """

    processes_max: int = 64
    tmp_size_mb: int = 512
    open_files_max: int = 1024
    network: str = "none"
    hosts: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> SandboxProfile:
        """Read a profile from parsed JSON; keys this version does not know are ignored.

        Raises:
            ValueError: A known key holds something else than a whole number within its bounds, or no network.
        """
        bounds = {"processes_max": (8, 4096), "tmp_size_mb": (1, 10240), "open_files_max": (64, 65536)}
        values: dict[str, Any] = {}
        for name, (low, high) in bounds.items():
            if name not in data:
                continue
            value = data[name]
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise ValueError(
                    f"sandbox profile: {name} must be a whole number from {low} to {high}, not {value!r}"
                )
            values[name] = value
        return cls(**values, **_network(data))


def _network(data: Mapping[str, Any]) -> dict[str, Any]:
    network, hosts = data.get("network", "none"), data.get("hosts", [])
    if network not in ("none", "hosts", "internet"):
        raise ValueError(f"sandbox profile: network must be none, hosts or internet, not {network!r}")
    if not isinstance(hosts, list | tuple) or not all(isinstance(host, str) for host in hosts):
        raise ValueError(f"sandbox profile: hosts must be a list of names, not {hosts!r}")
    for host in hosts:
        try:
            HostRule.parse(host)
        except ValueError as error:
            raise ValueError(f"sandbox profile: hosts: {error}") from error
    return {"network": network, "hosts": tuple(hosts)}


@dataclass(frozen=True, slots=True)
class EventSettings:
    """What becomes of asynchronous calls; the defaults are Lambda's.

    Args:
        retries_max: After a function error.
        age_max_s: An event that is older is given up.
        on_success: ARN that gets a record of each success, or "".
        on_failure: ARN that gets a record of each event that was given up, or "".
        dead_letters: ARN that gets the events themselves that were given up, or "".
    """

    retries_max: int = 2
    age_max_s: int = 21_600
    on_success: str = ""
    on_failure: str = ""
    dead_letters: str = ""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How a function's log is written; the defaults are Lambda's.

    Args:
        format: `Text` or `JSON`.
        application_level: From which level on the runtime writes log records, in JSON.
        system_level: From which level on Lambda's own lines are written, in JSON.
    """

    format: str = "Text"
    application_level: str = "INFO"
    system_level: str = "INFO"

    @property
    def is_json(self) -> bool:
        """Whether levels count."""
        return self.format == "JSON"


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One version of one function, as the control plane knows it.

    Args:
        function_name: Its name, as AWS_LAMBDA_FUNCTION_NAME.
        function_arn: Its ARN without a version or alias.
        version: `$LATEST` or a number.
        revision: Changes with every change of code or configuration; each has a pool of workers of its own.
        handler: `module.function`, as Lambda's Handler.
        runtime: `python3.11` and the like.
        timeout_s: Lambda's Timeout.
        memory_mb: Lambda's MemorySize.
        environment: The function's own variables.
        code: The code zip.
        layers: The layer zips, in the order in which Lambda merges them (a later one wins).
        log_group: CloudWatch log group its lines go to.
        role_arn: Its execution role.
        profile: Limits of its worker processes.
        region: For AWS_REGION.
        account_id: Of the function.
        events: What becomes of asynchronous calls.
        reserved_concurrency: Of all its versions together; None where nothing is reserved.
        routes: Of an alias: which share of its calls goes to other versions than this one.
        logging: How its log is written.
    """

    function_name: str
    function_arn: str
    version: str
    revision: str
    handler: str
    runtime: str
    timeout_s: int
    memory_mb: int
    environment: Mapping[str, str]
    code: Artifact
    layers: tuple[Artifact, ...]
    log_group: str
    role_arn: str
    profile: SandboxProfile = SandboxProfile()
    region: str = "us-east-1"
    account_id: str = "123456789012"
    events: EventSettings = EventSettings()
    reserved_concurrency: int | None = None
    routes: tuple[tuple[str, float], ...] = ()
    logging: LogSettings = LogSettings()

    def replace(self, **changes: Any) -> FunctionSpec:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)
