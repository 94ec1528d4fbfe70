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
