"""What the engine asks of the world around it."""

from __future__ import annotations

from collections.abc import Mapping
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


class Destinations(Protocol):
    """What takes the outcomes of asynchronous calls: queues and topics. Functions get theirs from the engine."""

    async def send(self, arn: str, body: str, attributes: Mapping[str, tuple[str, str]]) -> None:
        """Send one message.

        Args:
            arn: Of a queue or a topic, or of what there is none of here.
            body: JSON.
            attributes: Message attributes: name, then data type and value.

        What cannot be delivered is lost, as on Lambda: it must be said somewhere, and not be raised.
        """

    async def refuses(self, role_arn: str, function_arn: str, arn: str) -> str:
        """Why a function may not send its outcomes there, in words; empty where it may.

        Args:
            role_arn: The function's role, which Lambda asks.
            function_arn: The function.
            arn: Of a queue, a topic or another function.
        """

    def lost(self, arn: str, why: str) -> None:
        """Say that an event or a record did not get where it should.

        Args:
            arn: Of the function, or of what should have got the record.
            why: In words.
        """
