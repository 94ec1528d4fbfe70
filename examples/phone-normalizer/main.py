"""Phone numbers as people type them, as systems need them."""

from __future__ import annotations

from typing import Any

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from services_ai_sdk import ServicesAIPlugin, hookimpl

KINDS = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "landline or mobile",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.PREMIUM_RATE: "premium rate",
    PhoneNumberType.VOIP: "voip",
}


class PhoneNormalizer(ServicesAIPlugin):
    """Listens to new leads, before scorers and routers do."""

    @hookimpl(priority=10)
    def lead_created(self, lead: Any) -> dict[str, Any]:
        """The lead's number, normalised; `valid` is false for one that nobody can call."""
        raw = str(lead.get("phone") or "").strip()
        if not raw:
            return {"valid": False, "reason": "the lead has no phone number"}
        country = str(lead.get("country") or self.settings.default_country).upper()
        try:
            number = phonenumbers.parse(raw, country)
        except NumberParseException as error:
            return {"valid": False, "reason": str(error), "input": raw}
        if not phonenumbers.is_valid_number(number):
            reason = f"no such number in {phonenumbers.region_code_for_country_code(number.country_code)}"
            return {"valid": False, "reason": reason, "input": raw}
        return {
            "valid": True,
            "e164": phonenumbers.format_number(number, PhoneNumberFormat.E164),
            "international": phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
            "country": phonenumbers.region_code_for_number(number),
            "type": KINDS.get(phonenumbers.number_type(number), "other"),
        }
