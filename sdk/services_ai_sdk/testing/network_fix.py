"""The edit that a refused connection asks for, read from the error that the plugin's HTTP client made of it."""

from __future__ import annotations

import re

_PROXY_SAID = re.compile(r'add "[^"]+"(?:: \["[^"]+"\]| to "network") (?:to|in) manifest\.json')
_NO_WAY_OUT = re.compile(
    r"(?i)name resolution|Name or service not known|Network is unreachable|No address associated with hostname"
)
_HOST = re.compile(r"(?:host='|resolve ')([a-z0-9.-]+\.[a-z0-9-]+)'")


def network_fix(message: str) -> str:
    """What to write into the manifest; nothing where the failure is not about the network."""
    if said := _PROXY_SAID.search(message):
        return said[0]
    if not _NO_WAY_OUT.search(message):
        return ""
    host = _HOST.search(message)
    name = host[1] if host else "api.example.com"
    return (
        f'add "network": ["{name}"] to manifest.json: a plugin reaches declared hosts only, by https and through '
        "HTTPS_PROXY, which requests, httpx and urllib follow"
    )
