"""What the engine asks of the world around it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from services_ai_sdk.emulator.spec import Credentials, FunctionSpec


class LogLine(NamedTuple):
    """One log event: when, in milliseconds since 1970, and its text without a line end."""

    timestamp_ms: int
    text: str


class FunctionSource(Protocol):
    """Where functions are looked up."""

    async def resolve(self, function: str, qualifier: str | None) -> FunctionSpec:
        """The function version that a name, partial or full ARN (its qualifier inside) and a qualifier mean.

        The engine keeps the answer until `Engine.invalidate()`.

        Raises:
            InvokeRefused: 404 ResourceNotFoundException and the like.
        """

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        """Fresh temporary credentials of the function's role, asked once for each worker process."""


class LogSink(Protocol):
    """Where log lines go."""

    def write(self, spec: FunctionSpec, stream: str, lines: list[LogLine]) -> None:
        """Take the lines of one call or of several, in order.

        Runs on the engine's loop: it must not block and must not raise.
        """
