"""What a plugin may ask the host for, and which write of `api` needs which permission."""

from __future__ import annotations

PERMISSIONS = {
    "read_leads": "read leads",
    "write_leads": "create and change leads",
    "read_bookings": "read bookings",
    "write_bookings": "create and change bookings",
    "read_invoices": "read invoices",
    "write_invoices": "create and change invoices",
    "read_users": "read the names and addresses of the host's users",
    "send_notifications": "notify the host's users",
    "modify_ui": "add widgets, scripts and pages to the host's screens",
    "access_api": "see and change requests to the host's API",
}
"""By name, with what an admin reads before granting it."""

WRITES = {
    "send_notification": "send_notifications",
    "update_lead": "write_leads",
}
"""The permission that each write of `api` needs."""

READS = {
    "get_leads": "read_leads",
    "get_lead": "read_leads",
    "get_bookings": "read_bookings",
    "get_booking": "read_bookings",
}
"""The permission that each read of `api` needs."""

_CARRIED = {
    "lead_": "read_leads",
    "booking_": "read_bookings",
    "invoice_": "read_invoices",
    "user_": "read_users",
    "dashboard_widget": "modify_ui",
    "inject_": "modify_ui",
    "settings_page": "modify_ui",
    "modify_": "modify_ui",
    "api_": "access_api",
}
"""What the arguments of a hook carry, or its value changes, by the beginning of its name."""


def used_by_hook(name: str) -> frozenset[str]:
    """The permissions that a plugin has a use for because it implements this hook."""
    carried = {permission for start, permission in _CARRIED.items() if name.startswith(start)}
    return frozenset({*carried, "read_users"})  # each hook's context names the user
