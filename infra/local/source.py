"""Functions as moto keeps them, for the emulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local.moto_client import MotoRefused, Operations
from services_ai_sdk.emulator.errors import InvokeRefused
from services_ai_sdk.emulator.spec import (
    Artifact,
    Credentials,
    EventSettings,
    FunctionSpec,
    LogSettings,
    SandboxProfile,
)

CREDENTIALS_S = 3600
"""Lifetime asked for, as a role's default session has it."""


class MotoFunctionSource:
    """Resolves names, versions and aliases; `FunctionSource` of the emulator.

    The engine keeps what is resolved and asks again only after `invalidate()`; credentials are asked once for each
    worker, so none outlives its worker's hour by more than the worker does.

    Args:
        moto: Private operations.
        profile_bucket: Names the artifact bucket, or "" before the platform is deployed.
    """

    def __init__(self, moto: Operations, profile_bucket: Callable[[], str]) -> None:
        self._moto = moto
        self._profile_bucket = profile_bucket

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        """What a name, partial or full ARN and a qualifier mean now.

        Raises:
            InvokeRefused: Unknown function, version or alias, or a sandbox profile that cannot be used.
        """
        record = await self._ask(
            "function", function=function, qualifier=qualifier, profile_bucket=self._profile_bucket()
        )
        try:
            profile = SandboxProfile.from_mapping(record.pop("profile") or {})
        except ValueError as error:
            raise InvokeRefused(500, "ServiceException", f"{record['function_arn']}: {error}") from error
        code = _artifact(record.pop("code"))
        layers = tuple(_artifact(layer) for layer in record.pop("layers"))
        events = EventSettings(**record.pop("events"))
        logging = LogSettings(**record.pop("logging"))
        routes = tuple((str(version), float(share)) for version, share in record.pop("routes"))
        return FunctionSpec(
            **record, code=code, layers=layers, profile=profile, events=events, routes=routes, logging=logging
        )

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        """Temporary credentials of the function's role.

        Raises:
            InvokeRefused: The role is gone.
        """
        found = await self._ask(
            "credentials", role_arn=spec.role_arn, session_name=spec.function_name, duration_s=CREDENTIALS_S
        )
        return Credentials(found["access_key_id"], found["secret_access_key"], found["session_token"])

    async def _ask(self, operation: str, **request: Any) -> Any:
        try:
            return await self._moto.call(operation, **request)
        except MotoRefused as error:
            raise InvokeRefused(error.status, error.code, error.message) from error


def _artifact(record: dict[str, str]) -> Artifact:
    return Artifact(record["sha256"], Path(record["path"]))
