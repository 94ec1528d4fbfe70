"""What the dispatcher tells the recorder: one message a call, one outcome a plugin in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.failure import Failure
from services_ai_sdk.wire.fields import as_object
from services_ai_sdk.wire.fields import field as read

VERSION = 1


class OutcomeClass(StrEnum):
    """How a call of a plugin ended.

    `failure` is the only one that counts against a plugin; `uncounted` is anything Invoke itself raised
    (throttles, 4xx, 5xx, network): it neither counts nor resets.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    UNCOUNTED = "uncounted"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One plugin's part of one hook call.

    Attributes:
        invocation_id: Idempotency key of everything recorded about it.
        duration_ms: What the caller waited for this plugin.
        init_ms: Import of the plugin in this call; 0 on a warm one.
        max_memory_mb: As the plugin's process reported; 0 unknown.
        failure: Set for `failure`.
        reason: Why it was skipped or not counted: `auto_disabled`, `TooManyRequestsException` …
        worker_pid: Debug: host pid of the local worker; 0 in AWS.
    """

    invocation_id: str
    plugin_id: str
    plugin_version: str
    epoch: int
    outcome: OutcomeClass
    duration_ms: float = 0.0
    init_ms: float = 0.0
    max_memory_mb: float = 0.0
    failure: Failure | None = None
    reason: str = ""
    worker_pid: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {
            "invocation_id": self.invocation_id,
            "plugin": {"id": self.plugin_id, "version": self.plugin_version},
            "epoch": self.epoch,
            "outcome": str(self.outcome),
            "duration_ms": self.duration_ms,
            "init_ms": self.init_ms,
            "max_memory_mb": self.max_memory_mb,
            "failure": self.failure.to_dict() if self.failure else None,
            "reason": self.reason,
            "worker_pid": self.worker_pid,
        }

    @classmethod
    def from_dict(cls, raw: Any) -> Outcome:
        """Reads and checks one outcome.

        Raises:
            InvalidInputError: A field is missing or mistyped, or a failure has no `failure`.
        """
        what = "an outcome"
        source = as_object(raw, what)
        plugin = read(source, "plugin", dict, what)
        kind = read(source, "outcome", str, what)
        if kind not in set(OutcomeClass):
            raise InvalidInputError(f"'outcome' of {what} is {kind!r}, none of {', '.join(OutcomeClass)}")
        failure = source.get("failure")
        if kind == OutcomeClass.FAILURE and failure is None:
            raise InvalidInputError("a failed outcome has no 'failure'")
        return cls(
            invocation_id=read(source, "invocation_id", str, what),
            plugin_id=read(plugin, "id", str, what),
            plugin_version=read(plugin, "version", str, what),
            epoch=read(source, "epoch", int, what),
            outcome=OutcomeClass(kind),
            duration_ms=read(source, "duration_ms", float, what, 0.0),
            init_ms=read(source, "init_ms", float, what, 0.0),
            max_memory_mb=read(source, "max_memory_mb", float, what, 0.0),
            failure=Failure.from_dict(failure) if failure is not None else None,
            reason=read(source, "reason", str, what, ""),
            worker_pid=read(source, "worker_pid", int, what, 0),
        )


@dataclass(frozen=True, slots=True)
class OutcomesMessage:
    """Everything about one hook call, as one queue message.

    Attributes:
        occurred_at_ms: Unix milliseconds by the dispatcher's clock: for people, never for order.
        args: The call's arguments, kept with a failure; empty when there is none, or when `args_ref` has them.
        args_ref: `s3://…` of the arguments when the message would exceed 256 KB.
    """

    event_id: str
    hook: str
    mode: str
    tenant: str
    occurred_at_ms: int
    outcomes: tuple[Outcome, ...]
    args: dict[str, Any] | None = None
    args_ref: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {
            "v": VERSION,
            "event_id": self.event_id,
            "hook": self.hook,
            "mode": self.mode,
            "tenant": self.tenant,
            "occurred_at_ms": self.occurred_at_ms,
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
            "args": self.args,
            "args_ref": self.args_ref,
        }

    @classmethod
    def from_dict(cls, raw: Any) -> OutcomesMessage:
        """Reads and checks a message.

        Raises:
            InvalidInputError: Another version, or a field that is missing or mistyped.
        """
        what = "the outcomes message"
        source = as_object(raw, what)
        if source.get("v") != VERSION:
            raise InvalidInputError(f"{what} has version {source.get('v')!r}; this recorder reads {VERSION}")
        return cls(
            event_id=read(source, "event_id", str, what),
            hook=read(source, "hook", str, what),
            mode=read(source, "mode", str, what),
            tenant=read(source, "tenant", str, what, ""),
            occurred_at_ms=read(source, "occurred_at_ms", int, what),
            outcomes=tuple(Outcome.from_dict(item) for item in read(source, "outcomes", list, what)),
            args=None if source.get("args") is None else read(source, "args", dict, what),
            args_ref=read(source, "args_ref", str, what, ""),
        )
