"""Who calls this lead back?"""

from __future__ import annotations

from typing import Any

from services_ai_sdk import ServicesAIPlugin, hookimpl

TEAMS = {
    "Americas": {"lead": "Priya Raman", "channel": "#sales-americas", "hours": "08:00-18:00 America/Chicago"},
    "DACH": {"lead": "Jonas Weber", "channel": "#sales-dach", "hours": "09:00-17:00 Europe/Berlin"},
    "UK & Nordics": {"lead": "Freya Hughes", "channel": "#sales-north", "hours": "09:00-17:30 Europe/London"},
    "Southern Europe": {"lead": "Marta Ruiz", "channel": "#sales-south", "hours": "09:00-18:00 Europe/Madrid"},
}

TERRITORIES = {
    "US": "Americas",
    "CA": "Americas",
    "MX": "Americas",
    "BR": "Americas",
    "DE": "DACH",
    "AT": "DACH",
    "CH": "DACH",
    "GB": "UK & Nordics",
    "IE": "UK & Nordics",
    "SE": "UK & Nordics",
    "NO": "UK & Nordics",
    "DK": "UK & Nordics",
    "FI": "UK & Nordics",
    "ES": "Southern Europe",
    "PT": "Southern Europe",
    "IT": "Southern Europe",
    "FR": "Southern Europe",
}


class TerritoryRouter(ServicesAIPlugin):
    """Routes after the others have had the lead."""

    @hookimpl(priority=80)
    def lead_created(self, lead: Any) -> dict[str, Any]:
        """The team that owns the lead's country."""
        territory = TERRITORIES[lead["country"]]
        team = TEAMS[territory]
        return {"territory": territory, "owner": team["lead"], "channel": team["channel"], "hours": team["hours"]}
