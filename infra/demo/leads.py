"""Leads as a CRM has them on a Tuesday morning."""

from __future__ import annotations

from typing import Any

CONTEXT: dict[str, Any] = {
    "tenant": "brightwater",
    "user": {"id": "u-17", "name": "Ines Albrecht", "email": "ines@brightwater.example"},
    "locale": "en-GB",
    "timezone": "Europe/Berlin",
}


def _lead(
    number: int, first: str, last: str, company: str, country: str, phone: str, **more: Any
) -> dict[str, Any]:
    return {
        "id": f"lead-{number}",
        "name": f"{first} {last}",
        "first_name": first,
        "last_name": last,
        "email": f"{first}.{last}@{company.split(maxsplit=1)[0]}.example".lower(),
        "company": company,
        "country": country,
        "phone": phone,
        "status": "new",
        "created_at": f"2026-03-10T08:{number:02d}:00Z",
        **more,
    }


REALISTIC: tuple[dict[str, Any], ...] = (
    _lead(1, "Mara", "Lindqvist", "Nordkust Energi", "SE", "08-123 456 78", title="Head of Operations",
          source="referral", budget=48000, employees=320, message="We need the rollout done before summer."),
    _lead(2, "Tom", "Okafor", "Harbour Dental", "GB", "020 7946 0018", title="Practice Owner",
          source="webform", budget=3500, employees=9, message="How much is it for nine people?"),
    _lead(3, "Lucía", "Fernández", "Olivar del Sur", "ES", "+34 912 34 56 78", title="CFO",
          source="event", budget=22000, employees=85, message="Met you at the Madrid fair."),
)  # fmt: skip

UNROUTED: tuple[dict[str, Any], ...] = (
    _lead(4, "Sefa", "Tuilagi", "Apia Freight", "WS", "+685 21 234", title="Managing Director",
          source="webform", budget=12000, employees=40, message="Do you serve the Pacific?"),
    _lead(5, "Ana", "Kobakhidze", "Tbilisi Cargo", "GE", "+995 32 212 34 56", title="Buyer",
          source="webform", budget=8000, employees=25, message="Please call me."),
)  # fmt: skip
"""From countries that the third example's author has not thought of."""
