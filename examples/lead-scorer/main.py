"""How likely is this lead to become a customer? As likely as leads like it were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from requests.exceptions import RequestException
from requests.models import PreparedRequest

from services_ai_sdk import ServicesAIPlugin, hookimpl

OUTCOMES = Path(__file__).with_name("outcomes.csv")
FREE_MAIL = {"gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "gmx.de", "icloud.com"}
BUDGET_BINS = [-1.0, 2_000.0, 10_000.0, 40_000.0, float("inf")]
BUDGET_LABELS = ["small", "medium", "large", "huge"]
FEATURES = ["source", "budget_band", "mail"]


class LeadScorer(ServicesAIPlugin):
    """Learns once per process from past leads, then scores new ones."""

    def __init__(self) -> None:
        past = pd.read_csv(OUTCOMES)
        past["budget_band"] = budget_band(past["budget"])
        self.past = past
        self.base_rate = float(past["won"].mean())

    @hookimpl
    def lead_created(self, lead: Any, context: Any) -> dict[str, Any]:
        """A score from 0 to 100, its grade, and what moved it up or down."""
        traits = {
            "source": str(lead.get("source") or "unknown"),
            "budget_band": str(budget_band(pd.Series([lead.get("budget")]))[0]),
            "mail": mail_kind(str(lead.get("email") or "")),
        }
        odds = self.base_rate / (1 - self.base_rate)
        reasons = []
        for feature in FEATURES:
            rate = self.win_rate(feature, traits[feature])
            factor = (rate / (1 - rate)) / (self.base_rate / (1 - self.base_rate))
            odds *= factor
            reasons.append({"because": f"{feature} is {traits[feature]}", "factor": round(factor, 2)})
        score = round(100 * odds / (1 + odds))
        self.log.info("lead %s of %s scored %d", lead.get("id"), context.get("tenant"), score)
        return {
            "score": score,
            "grade": "A" if score >= 60 else "B" if score >= 35 else "C",
            "reasons": sorted(reasons, key=lambda reason: -abs(reason["factor"] - 1)),
            "website": website(lead),
            "based_on": len(self.past),
        }

    def win_rate(self, feature: str, value: str) -> float:
        """Share of past leads with this trait that were won, mixed with average ones where there are few."""
        smoothing = int(self.settings.get("smoothing", 6))
        won = self.past.loc[self.past[feature] == value, "won"]
        return float((won.sum() + smoothing * self.base_rate) / (len(won) + smoothing))


def budget_band(budgets: pd.Series) -> pd.Series:
    """`small` to `huge`; `unknown` for what is no number."""
    numbers = pd.to_numeric(budgets, errors="coerce")
    bands = pd.cut(numbers, BUDGET_BINS, labels=BUDGET_LABELS)
    return bands.astype(object).where(bands.notna(), "unknown")


def mail_kind(email: str) -> str:
    """Whether the address is a company's own."""
    domain = email.rpartition("@")[2].lower()
    return "none" if not domain else "free" if domain in FREE_MAIL else "company"


def website(lead: Any) -> str | None:
    """The lead's web address, as a browser would write it; requests knows the rules, and sends nothing here."""
    domain = str(lead.get("email") or "").rpartition("@")[2]
    if mail_kind(str(lead.get("email") or "")) != "company":
        return None
    request = PreparedRequest()
    try:
        request.prepare_url(f"https://www.{domain}", {"utm_source": "crm"})
    except RequestException:
        return None
    return request.url
