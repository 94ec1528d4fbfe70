"""Which hosts a function may connect to, by name and port: the list of its manifest, as the profile has it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

HTTPS_PORT = 443
MAIL_PORT = 25
"""Closed on Lambda too ("Lambda networking", AWS Lambda Developer Guide)."""
_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_RULE = re.compile(rf"(?P<any>\*\.)?(?P<name>(?:{_LABEL}\.)+{_LABEL})(?::(?P<port>[1-9][0-9]{{0,4}}))?")
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}|[0-9a-f:.]+")


@dataclass(frozen=True, slots=True)
class HostRule:
    """One entry of the list.

    Args:
        name: Lower case, without `*.`.
        below: Whether it stands for all names below that one (`*.example.com`), and not for itself.
        port: The one port.
    """

    name: str
    below: bool
    port: int

    @classmethod
    def parse(cls, text: str) -> HostRule:
        """Reads `api.example.com`, `*.example.com`, `api.example.com:8443`; without a port it is 443.

        Raises:
            ValueError: It is none of these.
        """
        match = _RULE.fullmatch(text)
        port = int(match["port"] or HTTPS_PORT) if match else 0
        if match is None or port > 65535:
            raise ValueError(
                f"{text[:80]!r} is no host like api.example.com, *.example.com or api.example.com:8443"
            )
        return cls(match["name"], bool(match["any"]), port)

    def allows(self, host: str, port: int) -> bool:
        """Whether a connection to it may be opened; `host` in lower case."""
        if port != self.port:
            return False
        return host.endswith(f".{self.name}") if self.below else host == self.name


class NetworkRules:
    """Of one function.

    Args:
        network: `none`, `hosts` or `internet`.
        hosts: The list, for `hosts`.

    Raises:
        ValueError: A host that cannot be read.
    """

    def __init__(self, network: str, hosts: Iterable[str] = ()) -> None:
        self._network = network
        self._rules = tuple(HostRule.parse(host) for host in hosts) if network == "hosts" else ()

    def refusal(self, host: str, port: int) -> str:
        """Why not, with the edit that would allow it; nothing where it is allowed."""
        if self._network == "internet":
            return "" if port != MAIL_PORT else "port 25 is closed, as on Lambda: send mail by another port"
        if any(rule.allows(host, port) for rule in self._rules):
            return ""
        entry = host if port == HTTPS_PORT else f"{host}:{port}"
        if self._network == "hosts":
            return f'the manifest does not name it: add "{entry}" to "network" in manifest.json'
        return f'the manifest asks for no network: add "network": ["{entry}"] to manifest.json'


def host_and_port(authority: str) -> tuple[str, int] | None:
    """What `CONNECT` asks for, the host in lower case and without a last dot; None where it is no such thing."""
    host, colon, port = authority.lower().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    host = host.removesuffix(".")
    if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536 or len(host) > 253:
        return None
    return (host, int(port)) if _HOST.fullmatch(host) else None
