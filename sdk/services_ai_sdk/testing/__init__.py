"""For authors' tests: fixtures, a fake `api`, payloads, and the emulator.

`pip install "services-ai-sdk[cli]"` registers the fixtures with pytest: `plugin`, `fake_api`, `payload`, `invoke`.
"""

from __future__ import annotations

from services_ai_sdk.testing.fake_api import FakeAPI
from services_ai_sdk.testing.payloads import payload

__all__ = ["FakeAPI", "payload"]
