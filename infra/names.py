"""How everything of one stack is called. Lambda and IAM names end at 64 characters."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_STACK = "services-ai"
LIVE_ALIAS = "live"
PLUGIN_HANDLER = "services_ai_sdk.plugin.handler.handle"
PROFILE_TAG = "sandbox-profile"
ROLE_POLICY_NAME = "plugin"


@dataclass(frozen=True, slots=True)
class Names:
    """Names that belong to one stack."""

    stack: str = DEFAULT_STACK

    def function(self, plugin_id: str) -> str:
        """Function of a plugin (ids end at 40 characters, so this ends at 60)."""
        return f"{self.stack}-plugin-{plugin_id}"

    @property
    def role_path(self) -> str:
        """IAM path of every plugin role: what the platform's own policies are limited to."""
        return f"/{self.stack}/plugins/"

    def role(self, plugin_id: str, grants_digest: str) -> str:
        """Role of a plugin under one set of grants."""
        return f"{plugin_id}-{grants_digest[:12]}"

    def dependency_layer(self, layer_sha256: str) -> str:
        """Layer with these bytes; plugins with the same lock share it."""
        return f"{self.stack}-deps-{layer_sha256[:32]}"

    def profile_key(self, profile_digest: str) -> str:
        """Process profile in the artifact bucket."""
        return f"profiles/{profile_digest}.json"
