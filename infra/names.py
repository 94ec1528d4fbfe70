"""How everything of one stack is called. Lambda and IAM names end at 64 characters."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_STACK = "services-ai"
LIVE_ALIAS = "live"
PLUGIN_HANDLER = "services_ai_sdk.plugin.handler.handle"
PROFILE_TAG = "sandbox-profile"
"""Where functions that an earlier version deployed name their process profile."""
ROLE_POLICY_NAME = "plugin"
_PROFILE = re.compile(r"; sandbox profile (\S{1,120})$")


def described(what: str, profile_key: str) -> str:
    """A function's description. It names the process profile: a Lambda version keeps its description for good."""
    return f"{what}; sandbox profile {profile_key}"


def profile_in(description: str) -> str:
    """The process profile that `described` named; empty where there is none."""
    found = _PROFILE.search(description)
    return found[1] if found else ""


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
