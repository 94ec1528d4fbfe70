"""`self.api`: what a plugin asks of its host. Writes become actions; reads come with a later version."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from services_ai_sdk.hooks.permissions import READS, WRITES


class PluginAPI:
    """Of one hook call.

    Args:
        permissions: What an admin granted.

    Attributes:
        actions: What was asked for so far: `{"action": …, "args": {…}}`, carried out by the host after the hook
            returned, and not at all when it fails.
    """

    def __init__(self, permissions: Collection[str] = ()) -> None:
        self._permissions = frozenset(permissions)
        self.actions: list[dict[str, Any]] = []

    def send_notification(
        self, message: str, notification_type: str = "info", user_id: int | str | None = None
    ) -> None:
        """Notifies one user of the host, or all who may see it.

        Raises:
            PermissionError: `send_notifications` was not granted.
            TypeError: An argument is not JSON.
        """
        self._write("send_notification", message=message, notification_type=notification_type, user_id=user_id)

    def update_lead(self, lead_id: int | str, fields: Mapping[str, Any]) -> None:
        """Changes fields of a lead.

        Raises:
            PermissionError: `write_leads` was not granted.
            TypeError: An argument is not JSON.
        """
        self._write("update_lead", lead_id=lead_id, fields=dict(fields))

    def get_leads(self, filters: Mapping[str, Any] | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Not available yet."""
        self._read("get_leads", filters, limit)

    def get_lead(self, lead_id: int | str) -> dict[str, Any]:
        """Not available yet."""
        self._read("get_lead", lead_id)

    def get_bookings(self, filters: Mapping[str, Any] | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Not available yet."""
        self._read("get_bookings", filters, limit)

    def get_booking(self, booking_id: int | str) -> dict[str, Any]:
        """Not available yet."""
        self._read("get_booking", booking_id)

    def _write(self, action: str, **args: Any) -> None:
        self._require(WRITES[action], action)
        # A copy: what the plugin does to its objects later is not part of what it asked for.
        self.actions.append({"action": action, "args": json.loads(json.dumps(args, allow_nan=False))})

    def _read(self, name: str, *_args: object) -> NoReturn:
        self._require(READS[name], name)
        raise NotImplementedError(f"api.{name} is not available yet; a hook has what its arguments carry")

    def _require(self, permission: str, name: str) -> None:
        if permission not in self._permissions:
            raise PermissionError(
                f'api.{name} needs the permission {permission!r}: add it to "permissions" in manifest.json, '
                f"and have an admin grant it"
            )
