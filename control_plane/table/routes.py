"""Who listens to a hook: all that a dispatcher needs to call them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from control_plane.table import keys
from control_plane.table.codec import Item
from control_plane.table.dynamo import Put, Table
from services_ai_sdk.wire import jsontext


@dataclass(frozen=True, slots=True)
class Route:
    """One listener.

    Attributes:
        priority: Lower runs and stands first.
        alias_arn: What is invoked.
        timeout_s: Of the function.
        settings: As the plugin sees them; a secret one is there by name only.
        resources: What the plugin is told of its own resources in AWS, by capability.
    """

    hook: str
    plugin_id: str
    version: str
    priority: int
    alias_arn: str
    timeout_s: int
    permissions: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)


def route_put(route: Route) -> Put:
    """The route as a write, for the transaction of a deploy."""
    item: Item = {
        **keys.route(route.hook, route.priority, route.plugin_id),
        "hook": route.hook,
        "plugin_id": route.plugin_id,
        "version": route.version,
        "priority": route.priority,
        "alias_arn": route.alias_arn,
        "timeout_s": route.timeout_s,
        "permissions": jsontext.dumps(list(route.permissions)),
        "settings": jsontext.dumps(route.settings),
        "resources": jsontext.dumps(route.resources),
    }
    return Put(item)


class Routes:
    """Reads routes.

    Args:
        table: The control plane's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def listeners(self, hook: str) -> tuple[Route, ...]:
        """By priority, then id."""
        return tuple(
            Route(
                hook=item["hook"],
                plugin_id=item["plugin_id"],
                version=item["version"],
                priority=item["priority"],
                alias_arn=item["alias_arn"],
                timeout_s=item["timeout_s"],
                permissions=tuple(jsontext.loads(item["permissions"], what="a route's permissions")),
                settings=jsontext.loads(item["settings"], what="a route's settings"),
                # Routes of earlier versions have none.
                resources=jsontext.loads(item.get("resources", "{}"), what="a route's resources"),
            )
            for item in self._table.query(keys.hook(hook))
        )
