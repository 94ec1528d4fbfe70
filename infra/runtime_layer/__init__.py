"""The layer every plugin function carries: `services_ai_sdk.wire`, `.plugin`, `.hooks`."""
