"""What a host sends the dispatcher, and what it gets back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.failure import Failure
from services_ai_sdk.wire.fields import as_object, shallow
from services_ai_sdk.wire.fields import field as read
from services_ai_sdk.wire.limits import HOPS_MAX, SYNC_ANSWER_MAX_S

VERSION = 1
ID_MAX_CHARS = 200
"""Of `event_id`, `tenant` and each id in `cause`."""


@dataclass(frozen=True, slots=True)
class HookCall:
    """A host's request: fire this hook with these arguments.

    Attributes:
        hook: Name from the catalogue.
        args: By parameter name, plain JSON.
        event_id: UUIDv7 of the host's event; the dispatcher makes one when empty.
        tenant: Whose data this is about.
        budget_ms: What the host is ready to wait for all plugins together.
        debug: Whether results carry `debug` (the local worker's pid).
    """

    hook: str
    args: dict[str, Any]
    event_id: str = ""
    tenant: str = ""
    budget_ms: int = int(SYNC_ANSWER_MAX_S * 1000)
    hops: int = 0
    cause: tuple[str, ...] = ()
    debug: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {"v": VERSION, **shallow(self), "cause": list(self.cause)}

    @classmethod
    def from_dict(cls, raw: Any) -> HookCall:
        """Reads and checks a request.

        Raises:
            InvalidInputError: Another version, a field missing or mistyped, too many hops, a budget below 1, or an
                id that is too long to keep or no text.
        """
        what = "the request"
        source = as_object(raw, what)
        if source.get("v") != VERSION:
            raise InvalidInputError(f"{what} has version {source.get('v')!r}; this dispatcher reads {VERSION}")
        hops = read(source, "hops", int, what, 0)
        if hops >= HOPS_MAX:
            raise InvalidInputError(
                f"the hook was reached through {hops} actions and signals; at {HOPS_MAX} it is refused",
                code="too-many-hops",
                hint="two plugins are probably triggering each other; look at 'cause' for the event ids",
            )
        budget_ms = read(source, "budget_ms", int, what, int(SYNC_ANSWER_MAX_S * 1000))
        if budget_ms < 1:
            raise InvalidInputError(f"'budget_ms' of {what} must be at least 1, not {budget_ms}")
        cause = read(source, "cause", list, what, [])
        if len(cause) > HOPS_MAX:
            raise InvalidInputError(f"'cause' of {what} has {len(cause)} ids; at most {HOPS_MAX} hops are made")
        return cls(
            hook=read(source, "hook", str, what),
            args=read(source, "args", dict, what),
            event_id=_id(read(source, "event_id", str, what, ""), "event_id"),
            tenant=_id(read(source, "tenant", str, what, ""), "tenant"),
            budget_ms=min(budget_ms, int(SYNC_ANSWER_MAX_S * 1000)),
            hops=hops,
            cause=tuple(_id(each, "cause") for each in cause),
            debug=read(source, "debug", bool, what, False),
        )


def _id(value: Any, name: str) -> str:
    """A host's own id: it is kept with every record, and names nothing."""
    if not isinstance(value, str) or len(value) > ID_MAX_CHARS:
        have = f"{len(value):,} characters" if isinstance(value, str) else type(value).__name__
        raise InvalidInputError(
            f"'{name}' of the request must be text of at most {ID_MAX_CHARS} characters: {have}"
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"'{name}' of the request is no text: it has half of a surrogate pair") from error
    return value


class Status(StrEnum):
    """How one plugin's part of a call ended, for the host."""

    OK = "ok"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class PluginAnswer:
    """One plugin's part of the answer.

    Attributes:
        value: Set for `ok`.
        failure: Set for `error` where the plugin itself failed.
        reason: Why it was skipped, or what Invoke raised.
        debug: `{"worker_pid": …}` where the caller asked for it.
    """

    plugin_id: str
    plugin_version: str
    status: Status
    value: Any = None
    actions: list[dict[str, Any]] = field(default_factory=list)
    failure: Failure | None = None
    reason: str = ""
    duration_ms: float = 0.0
    debug: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {
            "plugin": {"id": self.plugin_id, "version": self.plugin_version},
            "status": str(self.status),
            "value": self.value,
            "actions": self.actions,
            "failure": self.failure.to_dict() if self.failure else None,
            "reason": self.reason,
            "duration_ms": self.duration_ms,
            "debug": self.debug,
        }

    @classmethod
    def from_dict(cls, raw: Any) -> PluginAnswer:
        """Reads and checks one plugin's part.

        Raises:
            InvalidInputError: A field is missing or mistyped.
        """
        what = "a plugin's part of the answer"
        source = as_object(raw, what)
        plugin = read(source, "plugin", dict, what)
        status = read(source, "status", str, what)
        if status not in set(Status):
            raise InvalidInputError(f"'status' of {what} is {status!r}, none of {', '.join(Status)}")
        failure = source.get("failure")
        return cls(
            plugin_id=read(plugin, "id", str, what),
            plugin_version=read(plugin, "version", str, what),
            status=Status(status),
            value=source.get("value"),
            actions=[as_object(action, "an action") for action in read(source, "actions", list, what, [])],
            failure=Failure.from_dict(failure) if failure is not None else None,
            reason=read(source, "reason", str, what, ""),
            duration_ms=read(source, "duration_ms", float, what, 0.0),
            debug=read(source, "debug", dict, what, {}),
        )


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """The dispatcher's answer: every plugin that listens to the hook, by priority, then id."""

    event_id: str
    hook: str
    results: tuple[PluginAnswer, ...]

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {
            "v": VERSION,
            "event_id": self.event_id,
            "hook": self.hook,
            "results": [result.to_dict() for result in self.results],
        }

    @classmethod
    def from_dict(cls, raw: Any) -> HookAnswer:
        """Reads and checks an answer.

        Raises:
            InvalidInputError: Another version, or a field that is missing or mistyped.
        """
        what = "the dispatcher's answer"
        source = as_object(raw, what)
        if source.get("v") != VERSION:
            raise InvalidInputError(f"{what} has version {source.get('v')!r}; this client reads {VERSION}")
        return cls(
            event_id=read(source, "event_id", str, what),
            hook=read(source, "hook", str, what),
            results=tuple(PluginAnswer.from_dict(item) for item in read(source, "results", list, what)),
        )
