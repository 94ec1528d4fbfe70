"""What was built, as a function that the emulator can run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from services_ai_sdk.bundler.runtime_layer import write_runtime_layer

if TYPE_CHECKING:
    from services_ai_sdk.emulator.session import Ran
    from services_ai_sdk.emulator.spec import FunctionSpec

_ACCOUNT = "123456789012"


class Running(Protocol):
    """What runs such functions: `emulator.session.Session`."""

    def invoke(self, spec: FunctionSpec, payload: bytes) -> Ran:
        """Runs one event."""


def local_function(
    *,
    name: str,
    handler: str,
    python: str,
    timeout_s: int,
    memory_mb: int,
    code: tuple[str, Path],
    layer: tuple[str, Path] | None,
    workspace: Path,
    modules: dict[str, bytes] | None = None,
    profile: Mapping[str, Any] | None = None,
) -> FunctionSpec:
    """A function as a deploy makes it: the plugin's code, our runtime layer, its dependency layer.

    Args:
        name: Of the function.
        handler: `module.function`.
        python: A Lambda runtime.
        timeout_s: Its Timeout.
        memory_mb: Its MemorySize.
        code: SHA-256 and path of the package zip.
        layer: SHA-256 and path of the layer zip.
        workspace: Where the runtime layer's zip is written.
        modules: Further modules beside our runtime, content by path.
        profile: Its process profile, as `access.profile` makes it; without one it has no network.
    """
    from services_ai_sdk.emulator.spec import Artifact, FunctionSpec, SandboxProfile

    runtime = workspace / "runtime-layer.zip"
    made = write_runtime_layer(runtime, modules)
    layers = [Artifact(made.sha256, runtime), *([Artifact(*layer)] if layer else [])]
    return FunctionSpec(
        function_name=name,
        function_arn=f"arn:aws:lambda:us-east-1:{_ACCOUNT}:function:{name}",
        version="$LATEST",
        revision="-".join([code[0], *(each.sha256 for each in layers), str(memory_mb), str(timeout_s), python]),
        handler=handler,
        runtime=python,
        timeout_s=timeout_s,
        memory_mb=memory_mb,
        environment={},
        code=Artifact(*code),
        layers=tuple(layers),
        log_group=f"/aws/lambda/{name}",
        role_arn=f"arn:aws:iam::{_ACCOUNT}:role/{name}",
        profile=SandboxProfile.from_mapping(profile or {}),
    )
