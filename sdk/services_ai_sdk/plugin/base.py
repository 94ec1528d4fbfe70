"""The class that plugins extend."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from services_ai_sdk.plugin.api import PluginAPI
from services_ai_sdk.plugin.payload import Payload


class ServicesAIPlugin:
    """A plugin: one method per hook, marked with `@hookimpl`.

    One instance serves all calls of its process, one call at a time. `__init__` takes no arguments and need not
    call ours; settings, permissions and api are there from the first hook on.

    Attributes:
        settings: The plugin's settings, by attribute or key: `self.settings.greeting`.
        resources: Names of what the plugin has of its own in AWS, by capability that its manifest asks for:
            `self.resources.storage.table`. Only what an admin granted can be used.
        permissions: What an admin granted.
        api: Asks the host for things: `self.api.send_notification(…)`.
    """

    settings: Payload = Payload()
    resources: Payload = Payload()
    permissions: frozenset[str] = frozenset()
    api: PluginAPI = PluginAPI()

    @property
    def log(self) -> logging.Logger:
        """Writes to the plugin's own log, from INFO on."""
        logger = logging.getLogger(f"plugin.{type(self).__name__}")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
        return logger

    def bind_call(
        self,
        settings: Mapping[str, Any],
        api: PluginAPI,
        permissions: frozenset[str],
        resources: Mapping[str, Any] | None = None,
    ) -> None:
        """Called by the runtime before each hook; plugins leave it alone."""
        # Made for this call, and some of them read secrets when they are asked for: not copied.
        self.settings = settings if isinstance(settings, Payload) else Payload(settings)
        self.resources = Payload(resources or {})
        self.api = api
        self.permissions = permissions
