"""Realistic arguments for each hook: what `demo`, templates and docs fire."""

from __future__ import annotations

import json

_CONTEXT = {
    "tenant": "acme-roofing",
    "user": {"id": 17, "name": "Dana Whitfield", "email": "dana@acme-roofing.example"},
    "locale": "en-US",
    "timezone": "America/Chicago",
    "request_id": "req-7f3a9c1e",
}

_LEAD = {
    "id": 4182,
    "name": "Maria Gonzalez",
    "first_name": "Maria",
    "last_name": "Gonzalez",
    "email": "maria.gonzalez@northside-bakery.example",
    "phone": "(312) 555-0142",
    "company": "Northside Bakery LLC",
    "title": "Owner",
    "source": "website",
    "status": "new",
    "message": "Our flat roof leaks above the oven line. Can someone look at it before Thursday?",
    "country": "US",
    "city": "Chicago",
    "postal_code": "60613",
    "budget": 12500,
    "currency": "USD",
    "tags": ["commercial", "urgent"],
    "owner_id": 17,
    "created_at": "2025-03-04T15:21:09Z",
    "updated_at": "2025-03-04T15:21:09Z",
}

LEAD_CREATED = json.dumps({"lead": _LEAD, "context": _CONTEXT})

LEAD_UPDATED = json.dumps(
    {
        "lead": {**_LEAD, "status": "qualified", "budget": 14800, "updated_at": "2025-03-05T09:02:44Z"},
        "previous_state": _LEAD,
        "changes": {
            "status": {"from": "new", "to": "qualified"},
            "budget": {"from": 12500, "to": 14800},
        },
        "context": _CONTEXT,
    }
)

DASHBOARD_WIDGET = json.dumps({"context": _CONTEXT})
