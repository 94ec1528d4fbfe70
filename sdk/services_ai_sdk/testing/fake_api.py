"""`self.api` for tests: the real one, with what was asked for easy to look at."""

from __future__ import annotations

from typing import Any

from services_ai_sdk.plugin.api import PluginAPI


class FakeAPI(PluginAPI):
    """Records what the plugin asks for, and refuses what is not granted, exactly as in production.

    Args:
        permissions: What counts as granted.
    """

    def asked(self, action: str) -> list[dict[str, Any]]:
        """The arguments of each request of this kind, in order."""
        return [each["args"] for each in self.actions if each["action"] == action]

    @property
    def notifications(self) -> list[str]:
        """The messages that were sent."""
        return [str(each["message"]) for each in self.asked("send_notification")]
