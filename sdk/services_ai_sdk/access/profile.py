"""The process profile: what the sandbox on one machine gives a plugin, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services_ai_sdk.manifest.model import Manifest

VERSION = 2
TMP_SIZE_MB = 512
"""As Lambda's default ephemeral storage (Lambda quotas)."""
PROCESSES_MAX = 64
"""Lambda allows 1,024 processes and threads together; a plugin that needs more than this is looping."""


def process_profile(manifest: Manifest) -> dict[str, Any]:
    """The profile that belongs to a manifest. Lambda itself reads memory and time-out from the function."""
    return {
        "v": VERSION,
        **_network(manifest.network),
        "tmp_size_mb": TMP_SIZE_MB,
        "processes_max": PROCESSES_MAX,
        "memory_mb": manifest.limits.memory_mb,
    }


def _network(declared: str | tuple[str, ...]) -> dict[str, Any]:
    """A list of hosts is `hosts`."""
    if isinstance(declared, str):
        return {"network": declared, "hosts": []}
    return {"network": "hosts", "hosts": list(declared)}
