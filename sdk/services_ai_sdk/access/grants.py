"""What an admin granted: exactly what the manifest asks for, or less."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from services_ai_sdk.manifest.model import Manifest

NETWORK = "network"
"""The name under which all of the network is granted or withheld; a single host goes by its own."""


@dataclass(frozen=True, slots=True)
class Grants:
    """Permissions in the host, capabilities in AWS, and network.

    Attributes:
        permissions: `read_leads` …
        capabilities: `storage` …
        network: `none`, `internet`, or hosts.
    """

    permissions: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    network: str | tuple[str, ...] = "none"

    @classmethod
    def asked_by(cls, manifest: Manifest) -> Grants:
        """All that a manifest asks for."""
        return cls(tuple(manifest.permissions), tuple(manifest.capabilities), manifest.network)

    @classmethod
    def from_dict(cls, raw: Any) -> Grants:
        """What `to_dict` made; records of earlier versions have an array of permissions."""
        if not isinstance(raw, Mapping):
            return cls(permissions=tuple(raw or ()))
        network = raw.get("network", "none")
        return cls(
            permissions=tuple(raw.get("permissions", ())),
            capabilities=tuple(raw.get("capabilities", ())),
            network=network if isinstance(network, str) else tuple(network),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "permissions": list(self.permissions),
            "capabilities": list(self.capabilities),
            "network": self.network if isinstance(self.network, str) else list(self.network),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """One a thing that can be granted or withheld: permissions, capabilities, `network` or its hosts."""
        return (*self.permissions, *self.capabilities, *self._network_names)

    @property
    def _network_names(self) -> tuple[str, ...]:
        if isinstance(self.network, str):
            return (NETWORK,) if self.network != "none" else ()
        return self.network

    def only(self, names: Iterable[str]) -> Grants:
        """Of these, what is named.

        Raises:
            InvalidInputError: A name is none of them.
        """
        wanted = self._known(names)
        return self._kept(lambda name: name in wanted)

    def without(self, names: Iterable[str]) -> Grants:
        """Of these, what is not named.

        Raises:
            InvalidInputError: A name is none of them.
        """
        unwanted = self._known(names)
        return self._kept(lambda name: name not in unwanted)

    def within(self, other: Grants) -> Grants:
        """Of these, what is in `other` too; a host is within `internet`."""
        everywhere = other.network == "internet"
        return self._kept(lambda name: name in other.names or (everywhere and name in self._network_names))

    def beyond(self, other: Grants) -> tuple[str, ...]:
        """Names of what is here and not within `other`."""
        inside = self.within(other).names
        return tuple(name for name in self.names if name not in inside)

    def _known(self, names: Iterable[str]) -> frozenset[str]:
        given = frozenset(names)
        valid = {*self.names, *((NETWORK,) if self._network_names else ())}
        unknown = sorted(given - valid)
        if unknown:
            raise InvalidInputError(
                f"the manifest does not ask for {', '.join(unknown)}",
                code="not-asked-for",
                hint=f"it asks for {', '.join(self.names) or 'nothing'}; no more than that can be granted",
            )
        return given | (frozenset(self._network_names) if NETWORK in given else frozenset())

    def _kept(self, keep: Callable[[str], bool]) -> Grants:
        hosts = tuple(filter(keep, self._network_names))
        network = self.network if isinstance(self.network, str) and hosts else hosts or "none"
        return Grants(tuple(filter(keep, self.permissions)), tuple(filter(keep, self.capabilities)), network)


def granted_manifest(manifest: Manifest, grants: Grants) -> Manifest:
    """The manifest as if it had asked for no more than it was granted: what the sandbox is made from."""
    return manifest.model_copy(
        update={
            "permissions": grants.permissions,
            "capabilities": grants.capabilities,
            "network": grants.network,
        }
    )


def upgrade(before: Grants, asked_before: Grants, asked: Grants) -> tuple[Grants, tuple[str, ...]]:
    """What a new version keeps without a question, and the names that it asks for and nobody decided on yet.

    What an admin withheld from the version before stays withheld: that was decided.
    """
    return asked.within(before), asked.beyond(asked_before)
