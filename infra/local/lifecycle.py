"""A local cloud from its start to its end: what `services-ai-admin local` does."""

from __future__ import annotations

import json
import os
import shlex
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from infra.local.clients import LOCAL_KEY, clients_of
from infra.local.launcher import STOP_MAX_S, DaemonProcess, Progress
from infra.local.snapshots.folder import forget
from infra.local.state import ALREADY_RUNNING, CloudInfo, StateDir, process_started
from infra.local.status_page import STATUS_PATH
from services_ai_sdk.emulator.home import default_home
from services_ai_sdk.wire.errors import InvalidInputError, PlatformError

DEFAULT_PORT = 4599
START_MAX_S = 120.0
DEPLOY_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class CloudOptions:
    """What `up` starts.

    Attributes:
        port: On 127.0.0.1; 0 takes a free one, None the usual one, or that of a cloud which runs already.
        state_dir: `SERVICES_AI_HOME` or its default when None.
        stack: Name of the platform's stack.
        platform: Whether template.yaml is deployed.
        unsafe: Run functions without a sandbox where there are no means for one.
        fresh: Forget the state that the local cloud before left.
        faults: Name or file of a profile of faults to inject; empty for none.
        iam: Hold every caller against their policies; None: as the one that runs already, else yes.
    """

    port: int | None = None
    state_dir: Path | None = None
    stack: str = "services-ai"
    platform: bool = True
    unsafe: bool = False
    fresh: bool = False
    faults: str = ""
    iam: bool | None = None


class StartedCloud:
    """A local cloud that runs.

    Attributes:
        info: What it is.
        already_running: It was there before.
    """

    def __init__(self, info: CloudInfo, daemon: DaemonProcess | None) -> None:
        self.info = info
        self.already_running = daemon is None
        self._daemon = daemon

    def detach(self) -> None:
        """Lets it outlive this process."""
        if self._daemon is not None:
            self._daemon.detach()
            self._daemon = None

    def wait(self) -> int:
        """Returns its exit status when it ends."""
        return self._daemon.wait() if self._daemon is not None else 0

    @property
    def has_ended(self) -> bool:
        """Whether it is gone; one that was running before is not ours to know."""
        return self._daemon is not None and self._daemon.has_ended

    def stop(self) -> None:
        """Ends it and everything in it; one that was running before stays."""
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None


def start(options: CloudOptions, progress: Progress) -> StartedCloud:
    """Starts a local cloud and waits until the platform answers; one that runs already is brought up to date.

    The new one ends with this process unless it is detached.

    Raises:
        InvalidInputError: One runs already, on another port than the one that was asked for, with other faults, or
            with a state that was to be forgotten; no such profile of faults.
        PlatformError: A taken port, missing means for a sandbox, a platform that cannot be deployed.
    """
    # Before anything is started or waited for.
    faults, fault_profile = _faults(options.faults)
    state = StateDir(options.state_dir)
    while True:
        running = _running(state)
        if running is not None:
            if options.port not in (None, 0, running.port):
                raise InvalidInputError(
                    f"the local cloud is already running on port {running.port} (process {running.pid}),"
                    f" not on {options.port}",
                    code="other-port",
                    hint=f"{local_command('down', options.state_dir)}, then up again;"
                    " or name another --state-dir for a second one",
                )
            if faults and faults != running.faults:
                raise _other_faults(running, faults, options.state_dir)
            if options.iam not in (None, running.iam):
                raise InvalidInputError(
                    f"the local cloud is already running (process {running.pid}), with IAM "
                    + ("enforced" if running.iam else "off"),
                    code="other-iam",
                    hint=f"{local_command('down', options.state_dir)}, then up again",
                )
            if options.fresh:
                raise _still_running(running, options.state_dir)
            progress(f"the local cloud is already running (process {running.pid}, {running.endpoint})")
            if options.platform:
                running = replace(running, outputs=_deploy(running, progress))
                state.write(running)
            return StartedCloud(running, None)
        try:
            return _launch(replace(options, faults=faults), fault_profile, state, progress)
        except PlatformError as error:
            # Somebody else was first: theirs is the one.
            if error.code != ALREADY_RUNNING:
                raise


def _launch(options: CloudOptions, fault_profile: str, state: StateDir, progress: Progress) -> StartedCloud:
    request = {
        "state_dir": str(state.path),
        "port": DEFAULT_PORT if options.port is None else options.port,
        "stack": options.stack,
        "unsafe": options.unsafe,
        "fresh": options.fresh,
        "faults": options.faults,
        "fault_profile": fault_profile,
        "iam": options.iam is not False,
    }
    with ThreadPoolExecutor(1) as pool:
        # The template is built and translated while moto starts: each takes a second.
        prepared = pool.submit(_prepare, options, progress) if options.platform else None
        daemon = DaemonProcess(state, request, progress)
        try:
            info = CloudInfo.from_dict(daemon.until("listening")["info"])
            outputs = info.outputs
            if prepared is not None:
                outputs = _deploy(info, progress, prepared.result())
            daemon.send("ready", outputs=outputs)
            daemon.until("ready")
        except BaseException:
            daemon.stop()
            raise
    return StartedCloud(replace(info, outputs=outputs), daemon)


def up(options: CloudOptions, progress: Progress) -> CloudInfo:
    """Starts a local cloud that stays; see `start`."""
    cloud = start(options, progress)
    cloud.detach()
    return cloud.info


def status(state_dir: Path | None = None) -> CloudInfo | None:
    """The local cloud that runs, or None; asking leaves no folder behind.

    Raises:
        PlatformError: The state directory is somebody else's: what it says is not to be believed.
    """
    if not (state_dir or default_home()).exists():
        return None
    return StateDir(state_dir).read()


def activity(info: CloudInfo, timeout_s: float = 5.0) -> dict[str, Any]:
    """What runs in it: functions that have workers, the workers, protections, pollers.

    Raises:
        PlatformError: It does not answer.
    """
    try:
        # No proxy of the environment: this is a loopback address.
        with build_opener(ProxyHandler({})).open(info.endpoint + STATUS_PATH, timeout=timeout_s) as response:
            answer: dict[str, Any] = json.load(response)
    except (URLError, OSError, ValueError) as error:
        raise PlatformError(
            f"the local cloud (process {info.pid}) does not answer on {info.endpoint}: {error}",
            code="local-cloud-broken",
            hint=f"{local_command('down', Path(info.state_dir))}, then up again",
        ) from error
    return answer


def down(state_dir: Path | None = None) -> CloudInfo | None:
    """Ends the local cloud that runs, or is starting; returns what it was, or None.

    Raises:
        PlatformError: It does not end, even by force.
    """
    if not (state_dir or default_home()).exists():
        return None
    state = StateDir(state_dir)
    info = _running(state)
    if info is None:
        return None
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(info.pid, number)
        until = monotonic() + STOP_MAX_S
        while monotonic() < until:
            if process_started(info.pid) != info.pid_started:
                state.clear()
                return info
            sleep(0.02)
    raise PlatformError(f"the local cloud (process {info.pid}) does not end", code="local-cloud-broken")


def state_path(state_dir: Path | None) -> Path:
    """Where the local cloud keeps its state."""
    return (state_dir or default_home()).absolute()


def reset(state_dir: Path | None = None) -> bool:
    """Forgets what the local cloud before left; whether there was anything.

    Raises:
        InvalidInputError: One runs, or is starting.
    """
    if not (state_dir or default_home()).exists():
        return False
    state = StateDir(state_dir)
    lock = state.lock()
    if lock is None:
        raise _still_running(state.read(), state_dir)
    with lock:
        return forget(state.snapshots)


def _still_running(info: CloudInfo | None, state_dir: Path | None) -> InvalidInputError:
    process = f" (process {info.pid})" if info is not None else ""
    return InvalidInputError(
        f"a local cloud runs{process}: its state is in use",
        code="local-cloud-running",
        hint=f"{local_command('down', state_dir)} first",
    )


def _faults(name_or_file: str) -> tuple[str, str]:
    if not name_or_file:
        return "", ""
    from infra.local.faults.profile import load_profile

    name, profile = load_profile(name_or_file)
    return name, profile.model_dump_json()


def _other_faults(info: CloudInfo, wanted: str, state_dir: Path | None) -> InvalidInputError:
    now = f"with the faults {info.faults}" if info.faults else "without faults"
    return InvalidInputError(
        f"the local cloud is already running {now} (process {info.pid}), not with {wanted}",
        code="other-faults",
        hint=f"{local_command('down', state_dir)}, then up again: its state stays",
    )


def local_command(words: str, state_dir: Path | None) -> str:
    """What a person types for the local cloud of a state directory, which is named where it is not the default."""
    command = f"services-ai-admin local {words}"
    if state_dir is None or state_dir.absolute() == default_home().absolute():
        return command
    return f"{command} --state-dir {shlex.quote(str(state_dir))}"


def env(info: CloudInfo) -> dict[str, str]:
    """The environment that boto3, the AWS CLI and our own commands need to reach it."""
    return {
        "AWS_ENDPOINT_URL": info.endpoint,
        "AWS_ACCESS_KEY_ID": LOCAL_KEY,
        "AWS_SECRET_ACCESS_KEY": LOCAL_KEY,
        "AWS_DEFAULT_REGION": info.region,
        "AWS_REGION": info.region,
        "SERVICES_AI_STACK": info.stack,
        "SERVICES_AI_BUCKET": info.outputs.get("ArtifactBucket", ""),
        "SERVICES_AI_DISPATCHER": info.outputs.get("DispatcherFunctionName", ""),
    }


def _running(state: StateDir) -> CloudInfo | None:
    """The one that runs; one that is still starting is waited for."""
    until = monotonic() + START_MAX_S
    while True:
        info = state.read()
        if info is not None:
            return info
        lock = state.lock()
        if lock is not None:
            lock.close()
            state.clear()
            return None
        if monotonic() > until:
            raise PlatformError(
                "another local cloud has been starting for two minutes",
                code="local-cloud-broken",
                hint=f"look at the end of {state.cloud_log}",
            )
        sleep(0.1)


def _prepare(options: CloudOptions, progress: Progress) -> Any:
    from infra.local.platform import prepare

    return prepare(options.stack, progress)


def _deploy(info: CloudInfo, progress: Progress, prepared: Any = None) -> dict[str, str]:
    from infra.local.platform import check_answers, deploy, prepare

    # Injected faults meet the platform's own deploy too; without them nothing is ever tried again.
    clients = clients_of(info, DEPLOY_ATTEMPTS)
    outputs = deploy(clients, prepared or prepare(info.stack, progress), progress)
    check_answers(clients_of(info)("lambda"), outputs)
    return outputs
