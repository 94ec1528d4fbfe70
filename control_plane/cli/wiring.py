"""Where the commands get the real things: the only file of the control plane that sees `infra`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from control_plane.operations.ports import Deployer, PackageInspector, Remover, RollsBack


def local_cloud() -> ModuleType:
    """The local cloud's `start`, `up`, `status`, `activity`, `down`, `reset`, `env` and what goes with them."""
    from infra.local import lifecycle

    return lifecycle


def used_local_cloud(environ: Mapping[str, str]) -> Any:
    """The local cloud of this user's state directory, if it is what `environ` points to; else None."""
    running = local_cloud().status(None) if environ.get("AWS_ENDPOINT_URL") else None
    return running if running is not None and running.endpoint == environ["AWS_ENDPOINT_URL"] else None


def lacking(runtime: str) -> str:
    """What this machine lacks to run functions of this runtime, in the words of a call that is skipped for it."""
    from services_ai_sdk.emulator.errors import InterpreterMissingError
    from services_ai_sdk.emulator.interpreters import find_interpreter, python_of

    try:
        find_interpreter(python_of(runtime))
    except InterpreterMissingError as error:
        return f"needs Python {error.python} ({error.hint})"
    return ""


def inspector() -> PackageInspector:
    """The bundler's reader of packages."""
    from services_ai_sdk.bundler.inspect import Inspector

    return Inspector()


def deployer(cloudformation: Any, stack: str) -> Deployer:
    """Deploys beside this stack.

    Raises:
        PlatformError: The stack cannot be read, or is older than this version.
    """
    from infra.deploy.deployer import AwsDeployer

    return AwsDeployer(*_aws(cloudformation, stack))


def rollback(cloudformation: Any, stack: str) -> RollsBack:
    """Makes live again, beside this stack, what was.

    Raises:
        PlatformError: The stack cannot be read, or is older than this version.
    """
    from infra.deploy.rollback import AwsRollback

    return AwsRollback(*_aws(cloudformation, stack))


def remover(cloudformation: Any, stack: str) -> Remover:
    """Takes away what was deployed beside this stack.

    Raises:
        PlatformError: The stack cannot be read, or is older than this version.
    """
    from infra.deploy.removal import AwsRemover

    return AwsRemover(*_aws(cloudformation, stack))


def _aws(cloudformation: Any, stack: str) -> tuple[Any, Any, Any]:
    import boto3

    from infra.deploy.clients import Clients
    from infra.deploy.platform import Platform
    from infra.deploy.waiting import Waiting

    platform = Platform.from_stack(cloudformation, stack)
    return Clients.from_session(boto3.Session()), platform, Waiting(time.monotonic, time.sleep)
