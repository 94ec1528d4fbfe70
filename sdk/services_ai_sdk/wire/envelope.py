"""What a plugin function is invoked with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, cast

from services_ai_sdk.wire.errors import InvalidInputError
from services_ai_sdk.wire.fields import as_object, shallow
from services_ai_sdk.wire.fields import field as read

VERSION = 1
Mode = Literal["sync", "async"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One hook call for one plugin. A `smoke` call has the hook `""`: the class is imported, no hook is run.

    Attributes:
        invocation_id: Stable over retries of the same event for the same plugin.
        event_id: UUIDv7 of the host's event.
        hook: Name from the catalogue; empty for the smoke call after a deploy.
        mode: `sync` or `async`.
        plugin_id: Who is called.
        plugin_version: The manifest's version of what is called.
        epoch: The breaker's epoch that the caller saw; a later one makes this outcome count for nothing.
        args: The hook's arguments by name, plain JSON.
        settings: The plugin's settings; a secret one is there by name only.
        permissions: What an admin granted.
        tenant: Whose data this call is about.
        budget_ms: How long the hook may take, from the moment it starts; 0 for as long as the function may.
        hops: How many actions or signals led here.
        cause: Their event ids, oldest first.
        api: `{"function": …, "token": …}` of the broker; empty while there is none.
        resources: What the plugin has of its own in AWS, by capability: names, no rights.
    """

    invocation_id: str
    event_id: str
    hook: str
    mode: Mode
    plugin_id: str
    plugin_version: str
    epoch: int
    args: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    permissions: tuple[str, ...] = ()
    tenant: str = ""
    budget_ms: int = 0
    hops: int = 0
    cause: tuple[str, ...] = ()
    api: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As it goes over the wire."""
        flat = shallow(self)
        flat["plugin"] = {"id": flat.pop("plugin_id"), "version": flat.pop("plugin_version")}
        flat["permissions"] = list(self.permissions)
        flat["cause"] = list(self.cause)
        return {"v": VERSION, **flat}

    @classmethod
    def from_dict(cls, raw: Any) -> Envelope:
        """Reads and checks what came over the wire; unknown fields are ignored.

        Raises:
            InvalidInputError: Another version, or a field that is missing or mistyped.
        """
        what = "the envelope"
        source = as_object(raw, what)
        if source.get("v") != VERSION:
            raise InvalidInputError(
                f"{what} has version {source.get('v')!r}; this runtime reads {VERSION}",
                hint="deploy the plugin again with the platform's current runtime layer",
            )
        plugin = read(source, "plugin", dict, what)
        mode = read(source, "mode", str, what)
        if mode not in ("sync", "async"):
            raise InvalidInputError(f"'mode' of {what} must be sync or async, not {mode!r}")
        return cls(
            invocation_id=read(source, "invocation_id", str, what),
            event_id=read(source, "event_id", str, what),
            hook=read(source, "hook", str, what),
            mode=cast("Mode", mode),
            plugin_id=read(plugin, "id", str, f"'plugin' of {what}"),
            plugin_version=read(plugin, "version", str, f"'plugin' of {what}"),
            epoch=read(source, "epoch", int, what),
            args=read(source, "args", dict, what),
            settings=read(source, "settings", dict, what, {}),
            permissions=tuple(read(source, "permissions", list, what, [])),
            tenant=read(source, "tenant", str, what, ""),
            budget_ms=read(source, "budget_ms", int, what, 0),
            hops=read(source, "hops", int, what, 0),
            cause=tuple(read(source, "cause", list, what, [])),
            api=read(source, "api", dict, what, {}),
            resources=read(source, "resources", dict, what, {}),
        )
