"""Which addresses a function may reach at all: those of the public internet, whatever a name resolves to."""

from __future__ import annotations

import ipaddress

# What carries an IPv4 address within: it would have to be read out and judged again, and nothing needs it.
_CARRIES_IPV4 = tuple(
    ipaddress.IPv6Network(text)
    for text in ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
)


def is_public(address: str) -> bool:
    """Whether it is one: not loopback, private, link-local (169.254.169.254), shared, multicast, reserved."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(read, ipaddress.IPv6Address):
        if read.scope_id is not None or any(read in network for network in _CARRIES_IPV4):
            return False
        if read.is_site_local:
            return False
    return read.is_global and not (read.is_multicast or read.is_reserved or read.is_unspecified)
